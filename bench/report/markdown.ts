/** The report as Markdown. Boundary: pure; every number in it is computed from what was measured. */
import type { StepCounts } from "../counts.ts";
import { LINES } from "../options.ts";
import type { LineMedians } from "./medians.ts";
import { formatNumber, type Outcome } from "./targets.ts";

/** What the report is about. */
export interface ReportFacts {
  readonly when: string;
  readonly quick: boolean;
  readonly repetitions: number;
  readonly cores: number;
  readonly node: string;
  readonly postgres: number;
  readonly failures: readonly string[];
}

/** A table; the first row are the titles. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const [titles = [], ...body] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...body.map(line)].join("\n");
}

/** The whole page. `plots` are files beside it. */
export function renderReport(
  facts: ReportFacts,
  lines: readonly LineMedians[],
  outcomes: readonly Outcome[],
  counts: readonly StepCounts[],
  plots: readonly string[],
): string {
  const measured = LINES.filter((name) => lines.some(({ line }) => line === name));
  return [
    "# What the benchmark measured",
    "",
    `${facts.when}, ${facts.cores} cores, Node ${facts.node}, Postgres ${facts.postgres}; medians of ` +
      `${facts.repetitions}. Only ratios of one run count. \`npm run bench\` wrote this page.`,
    ...(facts.quick
      ? ["", "A quick run: it shows that the harness works and measures nothing."]
      : []),
    ...facts.failures.map((failure) => `\nFAILED: ${failure}`),
    "",
    "## Goals",
    "",
    renderOutcomes(outcomes),
    ...measured.flatMap((name) => [
      "",
      `## ${name}`,
      "",
      renderLine(lines.filter(({ line }) => line === name)),
      ...plots.filter((plot) => plot.startsWith(`${name}.`)).map((plot) => `\n![${name}](${plot})`),
    ]),
    ...(counts.length === 0 ? [] : ["", "## Asked of Postgres, a step", "", renderCounts(counts)]),
    "",
  ].join("\n");
}

/** The goals beside what was reached. */
export function renderOutcomes(outcomes: readonly Outcome[]): string {
  return renderTable([
    ["", "reached", "must", "aim", "so"],
    ...outcomes.map(({ what, value, unit, must, aim, reached }) => [
      what,
      value === undefined ? "–" : `${formatNumber(value)}${unit}`,
      must,
      aim,
      reached,
    ]),
  ]);
}

/** A line on every engine, with the range of all repetitions, and ours beside each. */
function renderLine(lines: readonly LineMedians[]): string {
  const names = [...new Set(lines.flatMap(({ medians }) => Object.keys(medians)))];
  const ours = lines.find(({ subject }) => subject === "ours");
  return renderTable([
    ["", ...lines.map(({ subject }) => subject)],
    ...names.map((name) => [name, ...lines.map((line) => renderCell(line, name, ours))]),
  ]);
}

function renderCell(line: LineMedians, name: string, ours: LineMedians | undefined): string {
  const value = line.medians[name];
  if (value === undefined) return "";
  const all = line.all[name] ?? [];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const range = least === most ? "" : ` (${formatNumber(least)}–${formatNumber(most)})`;
  const own = ours?.medians[name];
  const isBeside = line !== ours && own !== undefined && value !== 0;
  const ratio = isBeside ? `; ours ${(own / value).toFixed(2)} ×` : "";
  return `${formatNumber(value)}${range}${ratio}`;
}

function renderCounts(counts: readonly StepCounts[]): string {
  const row = (title: string, count: StepCounts["alone"]) => [
    title,
    ...[count.statements, count.roundTrips, count.commits, count.transactions].map(formatNumber),
  ];
  return renderTable([
    ["", "statements", "round trips", "commits", "transactions of several statements"],
    ...counts.flatMap(({ engine, alone, inFlight }) => [
      row(`${engine}, many in flight`, inFlight),
      row(`${engine}, one run alone`, alone),
    ]),
  ]);
}
