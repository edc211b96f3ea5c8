/** Bars as SVG. Boundary: pure; no font and no style of the reader is needed. */

/** A bar, made of parts that follow each other. */
export interface Bar {
  readonly label: string;
  readonly parts: readonly { readonly name: string; readonly value: number }[];
}

/** What to draw. */
export interface Plot {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
  /** Lines across all bars, such as a goal. */
  readonly marks: readonly { readonly label: string; readonly value: number }[];
}

const WIDTH = 720;
const LABEL_WIDTH = 110;
const VALUE_WIDTH = 90;
const TOP = 44;
const BAR_HEIGHT = 22;
const BAR_PITCH = 30;
const LEGEND_HEIGHT = 22;
const LEGEND_PITCH = 110;
const COLOURS = ["#2f6f9f", "#d98c2b", "#5a9f4b", "#b4504a", "#7d6bb0", "#7f7f7f"];
const MARK_COLOUR = "#222222";

/** The picture as a text. */
export function renderPlot({ title, unit, bars, marks }: Plot): string {
  const sums = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const most = Math.max(...sums, ...marks.map(({ value }) => value), Number.MIN_VALUE);
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / most;
  const names = [...new Set(bars.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const legend = names.length > 1 ? names : [];
  const bottom = TOP + bars.length * BAR_PITCH;
  const height = bottom + LEGEND_HEIGHT * (legend.length > 0 ? 2 : 1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    text(8, 20, `${title}, ${unit}`, 'font-weight="bold"'),
    ...bars.flatMap((bar, at) => renderBar(bar, TOP + at * BAR_PITCH, scale, names)),
    ...marks.flatMap(({ label, value }) => {
      const x = round(LABEL_WIDTH + value * scale);
      return [
        `<line x1="${x}" x2="${x}" y1="${TOP - 6}" y2="${bottom}" stroke="${MARK_COLOUR}" stroke-dasharray="4 3"/>`,
        text(x, bottom + 14, `${label} ${formatShort(value)}`, 'text-anchor="middle"'),
      ];
    }),
    ...legend.flatMap((name, at) => {
      const x = LABEL_WIDTH + at * LEGEND_PITCH;
      const y = bottom + LEGEND_HEIGHT;
      return [
        `<rect x="${x}" y="${y}" width="12" height="12" fill="${colourOf(at)}"/>`,
        text(x + 16, y + 11, name),
      ];
    }),
    "</svg>",
    "",
  ].join("\n");
}

function renderBar(bar: Bar, y: number, scale: number, names: readonly string[]): string[] {
  let x = LABEL_WIDTH;
  let sum = 0;
  const parts = bar.parts.map(({ name, value }) => {
    const width = value * scale;
    const part = `<rect x="${round(x)}" y="${y}" width="${round(width)}" height="${BAR_HEIGHT}" fill="${colourOf(names.indexOf(name))}"/>`;
    x += width;
    sum += value;
    return part;
  });
  return [
    text(LABEL_WIDTH - 8, y + 16, bar.label, 'text-anchor="end"'),
    ...parts,
    text(x + 6, y + 16, formatShort(sum)),
  ];
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function colourOf(at: number): string {
  return COLOURS[at % COLOURS.length] ?? MARK_COLOUR;
}

function formatShort(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString("en-US")
    : String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
