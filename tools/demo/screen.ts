/**
 * The screen: lines that stay, and on a terminal below them a table that is redrawn as things move.
 *
 * Boundary: the only writer of the demo's output.
 *
 * Invariant: what is not a terminal gets plain lines only, one per change, without control
 * sequences. A table that would not fit on the terminal is not drawn.
 */
import type { WriteStream } from "node:tty";
import { choosePaint, colourOfState, type Paint } from "./paint.ts";
import type { Row } from "./progress.ts";

/** Where the demo writes. */
export interface Screen {
  readonly paint: Paint;
  /** Writes lines that stay. */
  print(...lines: string[]): void;
  /** Writes that something moved, unless the table shows it. */
  printMove(row: Row): void;
  /** Writes what another service or a person did. */
  printRemark(text: string): void;
  /** Sets where the table's rows come from and begins to draw; times on the screen count from now. */
  startTable(rows: () => readonly Row[]): void;
  /** Takes the table away. Safe to call again. */
  stopTable(): void;
}

const REDRAW_MS = 200;
const SPARE_LINES = 4;

/** A screen on standard output, or another stream. */
export function openScreen(out: WriteStream = process.stdout): Screen {
  const isTerminal = out.isTTY === true && process.env.TERM !== "dumb";
  const paint = choosePaint(isTerminal);
  let startedAt = performance.now();
  let source: (() => readonly Row[]) | undefined;
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;

  const erase = (): void => {
    if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    if (source === undefined) return;
    const lines = ["", ...renderTable(source(), paint, out.columns)];
    if (lines.length + SPARE_LINES > out.rows) return;
    out.write(`${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  const redraw = (): void => {
    erase();
    draw();
  };
  const print = (...lines: string[]): void => {
    erase();
    for (const line of lines) out.write(`${line}\n`);
    draw();
  };
  const sinceStart = (): string =>
    `${((performance.now() - startedAt) / 1000).toFixed(2)} s`.padStart(9);
  return {
    paint,
    print,
    printMove(row) {
      if (drawn > 0) redraw();
      // A line that stays cannot show the time of a step that is still open.
      else
        print(
          `${sinceStart()}  ${renderRow(isOpen(row) ? { ...row, durationMs: 0 } : row, paint)}`,
        );
    },
    printRemark: (text) => print(paint("dim", `${sinceStart()}  - ${text}`)),
    startTable(rows) {
      startedAt = performance.now();
      if (!isTerminal) return;
      source = rows;
      timer = setInterval(redraw, REDRAW_MS);
    },
    stopTable() {
      clearInterval(timer);
      erase();
      source = undefined;
    },
  };
}

const NAME_WIDTH = 22;
const STATE_WIDTH = 12;
const DURATION_WIDTH = 8;
const COST_WIDTH = 12;
const DEFAULT_COLUMNS = 160;

/** The rows as a table with a head; lines are cut at `columns` characters. */
export function renderTable(
  rows: readonly Row[],
  paint: Paint,
  columns: number = DEFAULT_COLUMNS,
): string[] {
  const head = [
    "step".padEnd(NAME_WIDTH),
    "state".padEnd(STATE_WIDTH),
    "time".padStart(DURATION_WIDTH),
    "cost".padStart(COST_WIDTH),
  ].join(" ");
  const noteWidth = Math.max(10, columns - head.length - 3);
  return [
    paint("bold", head),
    ...rows.map((row) => renderRow({ ...row, note: row.note.slice(0, noteWidth) }, paint)),
  ];
}

function renderRow(row: Row, paint: Paint): string {
  // Less than a shown hundredth says nothing.
  const isShown = row.durationMs !== undefined && row.durationMs >= 5;
  const duration = isShown ? `${seconds(row.durationMs)} s` : "";
  const cost = row.costUsd === 0 ? "" : `${row.costUsd.toFixed(4)} USD`;
  return [
    row.name.padEnd(NAME_WIDTH),
    paint(colourOfState(row.state), row.state.padEnd(STATE_WIDTH)),
    duration.padStart(DURATION_WIDTH),
    cost.padStart(COST_WIDTH),
    ` ${row.note}`,
  ]
    .join(" ")
    .trimEnd();
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(2);
}

function isOpen({ state }: Row): boolean {
  return ["RUNNING", "WAITING", "COMPENSATING", "PAUSED"].includes(state);
}
