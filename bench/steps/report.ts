/**
 * Measurements as a table for people, or as JSON for programs.
 * Boundary: texts only; the numbers are measure.ts's, the verdict is budget.ts's.
 */
import { countsEach, type WireCounts } from "../parts/pg-messages.ts";
import { countsOver, judge, type Verdict } from "./budget.ts";
import type { Measurement } from "./measure.ts";

/** One measurement per step, with its verdict. */
export interface Result {
  readonly name: string;
  readonly verdict: Verdict;
  readonly walBytes: number;
  readonly walBytesBudget: number;
  readonly rows: number;
  readonly rowsBudget: number;
  readonly commits: number;
  readonly runsACommit: number;
  /** What a step asks Postgres for, in commits that many runs share, and in a run that is alone. */
  readonly counts: WireCounts;
  readonly alone: WireCounts;
  /** The counts that are over their budget, in words. */
  readonly over: readonly string[];
  /** Transactions, those that only read included. */
  readonly transactions: number;
  /** Share of updates that stayed on their page and touched no index. */
  readonly hotShare: number;
  /** Whole pages in the log, of all steps. */
  readonly fullPages: number;
  /** In lockstep, waiting for the slowest lane each time: no measure of what the service can do. */
  readonly stepsASecond: number;
  readonly tables: readonly {
    readonly table: string;
    readonly inserted: number;
    readonly updated: number;
    readonly deleted: number;
    readonly hotShare: number;
  }[];
  readonly wal: readonly {
    readonly relation: string;
    readonly record: string;
    readonly records: number;
    readonly bytes: number;
    readonly fullPageBytes: number;
  }[];
}

type Column = readonly [title: string, width: number];

const SHARES_SHOWN = 14;
const NOT_COUNTED =
  "Not counted: what falls outside a step's own commits: marking a commit as published (one update\n" +
  "for its 50 runs), keeping an event that came by bus for later waits (one row an event), vacuum.";
const SUMS: readonly Column[] = [
  ["per step", -38],
  ["WAL B", 6],
  ["budget", 7],
  ["rows", 6],
  ["budget", 7],
  ["commits", 8],
  ["runs/commit", 12],
  ["HOT", 5],
  ["steps/s", 8],
  ["verdict", 11],
];
const COUNTS: readonly Column[] = [
  ["asked of Postgres per step", -38],
  ["statements", 11],
  ["round trips", 12],
  ["commits", 8],
  ["transactions", 13],
];
const TABLES: readonly Column[] = [
  ["  rows by table", -24],
  ["insert", 7],
  ["update", 7],
  ["HOT", 5],
  ["delete", 7],
];
const SHARES: readonly Column[] = [
  ["  WAL by relation", -34],
  ["record", -30],
  ["number", 7],
  ["bytes", 7],
  ["whole pages", 12],
];

/** Divides the sums of a measurement by its steps and judges them. */
export function resultOf(measurement: Measurement): Result {
  const { load, steps, writes } = measurement;
  const tables = [...writes.tables];
  const cost = { walBytes: writes.walBytes / steps, rows: measurement.rows / steps };
  const updated = tables.reduce((sum, [, table]) => sum + table.updated, 0);
  const updatedHot = tables.reduce((sum, [, table]) => sum + table.updatedHot, 0);
  const counts = countsEach(measurement.counts, steps);
  return {
    name: load.name,
    verdict: judge(cost, load.budget),
    walBytes: cost.walBytes,
    walBytesBudget: load.budget.walBytes,
    rows: cost.rows,
    rowsBudget: load.budget.rows,
    commits: measurement.commits / steps,
    runsACommit: measurement.inputs / measurement.commits,
    counts,
    alone: measurement.alone,
    over: [
      ...countsOver(counts, load.counts.shared),
      ...countsOver(measurement.alone, load.counts.alone).map((over) => `${over} (alone)`),
    ],
    transactions: writes.transactions / steps,
    hotShare: shareOf(updatedHot, updated),
    fullPages: writes.fullPages,
    stepsASecond: steps / measurement.seconds,
    tables: tables.map(([table, each]) => ({
      table,
      inserted: each.inserted / steps,
      updated: each.updated / steps,
      deleted: each.deleted / steps,
      hotShare: shareOf(each.updatedHot, each.updated),
    })),
    wal: measurement.shares.map((share) => ({
      relation: share.relation,
      record: share.record,
      records: share.records / steps,
      bytes: share.bytes / steps,
      fullPageBytes: share.fullPageBytes / steps,
    })),
  };
}

/** The results as tables: sums first, then where rows and bytes of each load went. */
export function renderResults(results: readonly Result[]): string {
  const sums = [
    titlesOf(SUMS),
    ...results.map(sumLine),
    "",
    titlesOf(COUNTS),
    ...results.flatMap(countLines),
    "",
  ];
  const parts = results.map((result) => [
    "",
    result.name,
    ...(result.fullPages > 0 ? [`  ${result.fullPages} whole pages are in the sum`] : []),
    titlesOf(TABLES),
    ...result.tables.map(tableLine),
    ...(result.wal.length > 0 ? [titlesOf(SHARES)] : []),
    ...shareLines(result),
  ]);
  return [...sums, NOT_COUNTED, ...parts.flat()].join("\n");
}

/** The largest shares, and one line for all the rest: small records, and the frames of pages. */
function shareLines({ wal, walBytes }: Result): string[] {
  if (wal.length === 0) return [];
  const shown = wal.slice(0, SHARES_SHOWN);
  const rest = shown.reduce((left, share) => left - share.bytes, walBytes);
  return [...shown.map(shareLine), lineOf(SHARES, ["  (the rest)", "", "", rest.toFixed(0)])];
}

function sumLine(result: Result): string {
  return lineOf(SUMS, [
    result.name,
    result.walBytes.toFixed(0),
    String(result.walBytesBudget),
    result.rows.toFixed(1),
    String(result.rowsBudget),
    result.commits.toFixed(3),
    result.runsACommit.toFixed(1),
    percent(result.hotShare),
    result.stepsASecond.toFixed(0),
    result.verdict,
  ]);
}

/** A line for commits that many runs share, and one for a run that is alone. */
function countLines({ name, counts, alone }: Result): string[] {
  const line = (title: string, { statements, roundTrips, commits, transactions }: WireCounts) =>
    lineOf(COUNTS, [
      title,
      ...[statements, roundTrips, commits, transactions].map((count) => count.toFixed(2)),
    ]);
  return [line(name, counts), line("  alone", alone)];
}

function tableLine(table: Result["tables"][number]): string {
  return lineOf(TABLES, [
    `  ${table.table}`,
    table.inserted.toFixed(2),
    table.updated.toFixed(2),
    table.updated > 0 ? percent(table.hotShare) : "",
    table.deleted.toFixed(2),
  ]);
}

function shareLine(share: Result["wal"][number]): string {
  return lineOf(SHARES, [
    `  ${share.relation === "" ? "(none)" : share.relation}`,
    share.record,
    share.records.toFixed(2),
    share.bytes.toFixed(0),
    share.fullPageBytes >= 0.5 ? share.fullPageBytes.toFixed(0) : "",
  ]);
}

function titlesOf(columns: readonly Column[]): string {
  return lineOf(
    columns,
    columns.map(([title]) => title),
  );
}

/** A negative width aligns a text to the left. */
function lineOf(columns: readonly Column[], cells: readonly string[]): string {
  return columns
    .map(([, width], place) => {
      const cell = cells[place] ?? "";
      return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
    })
    .join(" ")
    .trimEnd();
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)}%`;
}
