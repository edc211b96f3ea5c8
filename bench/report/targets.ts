/**
 * What the service must reach and what it aims at, line by line, and what it reached. A goal beside a peer is computed from
 * that peer's number of the same run.
 * Boundary: pure.
 */
import type { Subject } from "../lines/sample.ts";
import type { LineName } from "../options.ts";
import { CONSOLE_TARGETS } from "./console-targets.ts";
import { DOOR_TARGETS } from "./door-targets.ts";
import { GROWTH_TARGETS } from "./growth-targets.ts";
import { findMedian, type LineMedians } from "./medians.ts";
import { WORKER_TARGETS } from "./worker-targets.ts";

/** A goal: a number, or so many times the number of another subject; of several the hardest counts. */
interface Goal {
  readonly fixed?: number;
  readonly times?: readonly { readonly factor: number; readonly of: Subject }[];
  /** So much more than another number of ours. */
  readonly above?: { readonly line: LineName; readonly name: string; readonly by: number };
  /** So many times another number of ours on the same line; `of` says in words what it is. */
  readonly own?: { readonly factor: number; readonly name: string; readonly of: string };
}

/** A number with its goals. */
export interface Target {
  readonly line: LineName;
  readonly what: string;
  readonly name: string;
  readonly unit: string;
  readonly better: "more" | "less";
  readonly must: Goal;
  readonly aim?: Goal;
}

/** A target beside what was measured. */
export interface Outcome {
  readonly line: LineName;
  readonly what: string;
  readonly name: string;
  readonly unit: string;
  readonly value: number | undefined;
  /** In words, with the number where it could be computed. */
  readonly must: string;
  readonly aim: string;
  readonly mustValue: number | undefined;
  readonly aimValue: number | undefined;
  readonly reached: string;
}

const SVC = "restate-svc";
const NAMES: Readonly<Record<Subject, string>> = {
  ours: "ours",
  floor: "the floor",
  "worker-floor": "the worker floor",
  dbos: "DBOS",
  restate: "Restate",
  "restate-2": "Restate with 2 partitions",
  "restate-svc": "Restate svc",
  echo: "the bare echo",
};
const beside = (of: Subject, factor: number): Goal => ({ times: [{ factor, of }] });

/** All targets, in the order of the table. */
const TARGETS: readonly Target[] = [
  {
    line: "steps",
    what: "agent steps",
    name: "stepsASecond",
    unit: "/s",
    better: "more",
    must: { times: [times(1.5, SVC), times(0.4, "floor")] },
    aim: { times: [times(2.5, SVC), times(0.6, "floor")] },
  },
  {
    line: "steps",
    what: "agent steps, CPU of all processes",
    name: "cpuMs",
    unit: " ms",
    better: "less",
    must: { fixed: 1.2 },
    aim: { fixed: 0.85 },
  },
  {
    line: "internal",
    what: "internal steps",
    name: "stepsASecond",
    unit: "/s",
    better: "more",
    must: { fixed: 15_000 },
    aim: { fixed: 30_000 },
  },
  {
    line: "one",
    what: "one run of 10 agent steps, p50",
    name: "p50Ms",
    unit: " ms",
    better: "less",
    must: { times: [times(1, SVC), times(3, "floor")] },
    aim: beside("floor", 1.8),
  },
  ...(["p50Ms", "p99Ms"] as const).map(
    (name): Target => ({
      line: "wake",
      what: `event on the bus to the next call, ${name.slice(0, 3)}`,
      name,
      unit: " ms",
      better: "less",
      must: beside("dbos", 1),
      aim: beside("dbos", 0.8),
    }),
  ),
  ...(["oneMs", "manyMs"] as const).map(
    (name): Target => ({
      line: "fan",
      what: `fan-out of 200 agent steps, ${name === "oneMs" ? "one" : "twenty at once"}`,
      name,
      unit: " ms",
      better: "less",
      must: beside(SVC, 1),
      aim: beside(SVC, 0.8),
    }),
  ),
  ...WORKER_TARGETS,
  {
    line: "start-run",
    what: "StartRun by RPC, 64 open",
    name: "callsASecond",
    unit: "/s",
    better: "more",
    must: beside("echo", 0.45),
    aim: beside("echo", 0.6),
  },
  {
    line: "trigger",
    what: "event trigger to run started",
    name: "runsASecond",
    unit: "/s",
    better: "more",
    must: { fixed: 2_000 },
    aim: { fixed: 3_000 },
  },
  ...[
    { what: "event to next call, p50", name: "reactionP50Ms", must: 15, aim: 8 },
    { what: "event to next call, p99", name: "reactionP99Ms", must: 100, aim: 50 },
    { what: "StartRun, p99", name: "startP99Ms", must: 100, aim: 50 },
  ].map(
    ({ what, name, must, aim }): Target => ({
      line: "open-loop",
      what: `open loop at half of the peak: ${what}`,
      name,
      unit: " ms",
      better: "less",
      must: { fixed: must },
      aim: { fixed: aim },
    }),
  ),
  {
    line: "parked",
    what: "parked runs: growth of the heap",
    name: "heapGrowthMiB",
    unit: " MiB",
    better: "less",
    must: { fixed: 10 },
  },
  {
    line: "parked",
    what: "parked runs: CPU while idle, the service, NATS and Postgres",
    name: "idleCores",
    unit: " cores",
    better: "less",
    must: { fixed: 0.02 },
  },
  {
    line: "parked",
    what: "parked runs: first wake after kill -9",
    name: "firstWakeMs",
    unit: " ms",
    better: "less",
    must: { above: { line: "start", name: "readyMs", by: 200 } },
  },
  {
    line: "parked",
    what: "parked runs: until all are accepted",
    name: "acceptedSeconds",
    unit: " s",
    better: "less",
    must: {},
    aim: beside("restate", 1),
  },
  {
    line: "start",
    what: "start of the process to ready",
    name: "readyMs",
    unit: " ms",
    better: "less",
    must: { fixed: 900 },
    aim: { fixed: 600 },
  },
  ...GROWTH_TARGETS,
  ...DOOR_TARGETS,
  ...CONSOLE_TARGETS,
];

/** Every target of the lines that were measured. */
export function outcomesOf(lines: readonly LineMedians[]): Outcome[] {
  const measured = new Set(lines.map(({ line }) => line));
  return TARGETS.filter(({ line }) => measured.has(line)).map((target) => {
    const value = findMedian(lines, target.line, "ours", target.name);
    const mustValue = goalOf(lines, target, target.must);
    const aimValue = target.aim && goalOf(lines, target, target.aim);
    return {
      line: target.line,
      what: target.what,
      name: target.name,
      unit: target.unit,
      value,
      must: wordsOf(target.must, target, mustValue),
      aim: target.aim === undefined ? "" : wordsOf(target.aim, target, aimValue),
      mustValue,
      aimValue,
      reached: reachedOf(target, value, mustValue, aimValue),
    };
  });
}

/** What is reached, or how far it is from the nearer goal, which is the must. */
function reachedOf(
  target: Target,
  value: number | undefined,
  must: number | undefined,
  aim: number | undefined,
): string {
  if (value === undefined) return "not measured";
  const isMet = (goal: number) => (target.better === "more" ? value >= goal : value <= goal);
  // A peer that is slow today may leave an aim that is easier than the must.
  if (must !== undefined && !isMet(must)) return `no, ${distance(value, must)}`;
  if (aim !== undefined && isMet(aim)) return "aim";
  if (must !== undefined) return "must";
  return aim === undefined ? "–" : `no, ${distance(value, aim)}`;
}

function distance(value: number, goal: number): string {
  return `${(value / goal).toFixed(2)} × the goal`;
}

/** The hardest number of the goal; undefined when a part of it was not measured, or it has none. */
function goalOf(
  lines: readonly LineMedians[],
  { line, name, better }: Target,
  { fixed, times: factors = [], above, own }: Goal,
): number | undefined {
  const numbers = [
    ...(fixed === undefined ? [] : [fixed]),
    ...factors.map(({ factor, of }) => multiply(factor, findMedian(lines, line, of, name))),
    ...(above === undefined
      ? []
      : [add(above.by, findMedian(lines, above.line, "ours", above.name))]),
    ...(own === undefined ? [] : [multiply(own.factor, findMedian(lines, line, "ours", own.name))]),
  ];
  const known = numbers.filter((number) => number !== undefined);
  if (known.length === 0 || known.length < numbers.length) return undefined;
  return better === "more" ? Math.max(...known) : Math.min(...known);
}

function wordsOf(
  { fixed, times: factors = [], above, own }: Goal,
  { unit }: Target,
  value: number | undefined,
): string {
  const number = value === undefined ? "" : `${formatNumber(value)}${unit}`;
  if (fixed !== undefined) return number;
  const words = [
    ...factors.map(({ factor, of }) => `${factor} × ${NAMES[of]}`),
    ...(above === undefined ? [] : [`start + ${above.by}${unit}`]),
    ...(own === undefined ? [] : [`${own.factor} × ${own.of}`]),
  ].join(" and ");
  return number === "" ? words : `${number} (${words})`;
}

/** A number for people: three digits that count, none after the point of a large one. */
export function formatNumber(value: number): string {
  const LARGE = 100;
  if (Math.abs(value) >= LARGE) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

function times(factor: number, of: Subject) {
  return { factor, of };
}

function multiply(factor: number, value: number | undefined): number | undefined {
  return value === undefined ? undefined : factor * value;
}

function add(by: number, value: number | undefined): number | undefined {
  return value === undefined ? undefined : by + value;
}
