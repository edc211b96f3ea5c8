/** Runs that ended, a bar for each day: what succeeded below, what failed above. The same as a table can be opened. */
import { costWords } from "../../money.ts";
import { type Column, Table } from "../../table.tsx";
import type { ChartDay } from "./days.ts";

const HEIGHT = 140;
const STEP = 20;
const BAR = 14;
const LABELS_EVERY = 7;
const PARTS = [
  { name: "succeeded", tone: "ok", word: "succeeded" },
  { name: "other", tone: "idle", word: "cancelled or undone" },
  { name: "failed", tone: "bad", word: "failed" },
] as const;

export function DayBars({ days }: { readonly days: readonly ChartDay[] }) {
  const most = Math.max(1, ...days.map(endedOf));
  const width = days.length * STEP;
  return (
    <figure className="day-bars">
      <svg
        viewBox={`0 0 ${width} ${HEIGHT + 22}`}
        role="img"
        aria-label={`Runs that ended, by day, ${most} on one day at most`}
      >
        <line x1="0" x2={width} y1={HEIGHT} y2={HEIGHT} className="day-axis" />
        {days.map((day, at) => (
          <Bar key={day.atMs} day={day} x={at * STEP + (STEP - BAR) / 2} most={most} />
        ))}
        {days.map(
          ({ atMs }, at) =>
            (days.length - 1 - at) % LABELS_EVERY === 0 && (
              <text
                key={atMs}
                x={at * STEP + STEP / 2}
                y={HEIGHT + 16}
                textAnchor={at === days.length - 1 ? "end" : "middle"}
              >
                {dayText(atMs).slice(5)}
              </text>
            ),
        )}
      </svg>
      <figcaption>
        {PARTS.map(({ name, tone, word }) => (
          <span key={name} data-tone={tone} className="day-legend">
            <span aria-hidden="true" className="day-swatch" data-part={name} />
            {word}
          </span>
        ))}
        <span className="muted">days in UTC; the highest bar is {most}</span>
      </figcaption>
      <details>
        <summary>As a table</summary>
        <Table
          label="Runs by day"
          columns={COLUMNS}
          rows={[...days].reverse().filter((day) => day.started + endedOf(day) > 0)}
          keyOf={({ atMs }) => String(atMs)}
        />
      </details>
    </figure>
  );
}

/** Each part stands on those before it. */
function Bar({
  day,
  x,
  most,
}: {
  readonly day: ChartDay;
  readonly x: number;
  readonly most: number;
}) {
  let y = HEIGHT;
  return (
    <g>
      <title>{wordsOf(day)}</title>
      {/* Something to point at where nothing ended. */}
      <rect x={x} y={0} width={BAR} height={HEIGHT} fill="transparent" />
      {PARTS.map(({ name, tone }) => {
        const height = (day[name] / most) * (HEIGHT - 6);
        y -= height;
        return (
          height > 0 && (
            <rect
              key={name}
              className="day-part"
              data-tone={tone}
              data-part={name}
              {...{ x, y, width: BAR, height }}
            />
          )
        );
      })}
    </g>
  );
}

function endedOf({ succeeded, failed, other }: ChartDay): number {
  return succeeded + failed + other;
}

function wordsOf(day: ChartDay): string {
  const { succeeded, failed, other, started } = day;
  return `${dayText(day.atMs)}: ${started} started, ${succeeded} succeeded, ${failed} failed, ${other} cancelled or undone`;
}

function dayText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

const COLUMNS: readonly Column<ChartDay>[] = [
  { title: "Day", cell: ({ atMs }) => dayText(atMs) },
  { title: "Started", cell: ({ started }) => started, isNumber: true },
  { title: "Succeeded", cell: ({ succeeded }) => succeeded, isNumber: true },
  { title: "Failed", cell: ({ failed }) => failed, isNumber: true },
  { title: "Cancelled or undone", cell: ({ other }) => other, isNumber: true },
  { title: "Cost", cell: ({ costUsd }) => costWords(costUsd), isNumber: true },
];
