/**
 * Attempts on an axis of time. A long time in which nothing begins or ends takes a fixed part of the axis.
 * Boundary: pure; places are parts of the axis, from 0 to 1. How they look is timeline.tsx.
 */
import type { StepRunState } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { type Attempt, isFinalStep, type RunPicture } from "./run-picture.ts";

/** A part of the axis. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** One attempt. */
export interface Bar extends Span {
  readonly attempt: Attempt;
  readonly state: StepRunState;
  /** From where on it waits for what it asked for. */
  readonly waitsFrom: number | undefined;
  /** The time since the attempt before, in which nothing was done for the step. */
  readonly idle: Span | undefined;
  readonly idleMs: number;
}

/** One step. */
export interface Row {
  readonly id: string;
  readonly bars: readonly Bar[];
  /** Since its last attempt it waits: for the next one, or for an order. */
  readonly rest: Span | undefined;
}

/** A time that is drawn shorter than it was. */
interface Break extends Span {
  readonly fromMs: number;
  readonly ms: number;
}

/** A label of the axis: so long after the start of the run. */
interface Tick {
  readonly at: number;
  readonly ms: number;
}

/** What is drawn. */
export interface Timeline {
  readonly rows: readonly Row[];
  readonly breaks: readonly Break[];
  readonly ticks: readonly Tick[];
  readonly startMs: number;
  readonly endMs: number;
}

/** A shorter time is never cut. */
const BREAK_FROM_MS = 60_000;
/** A time is cut when it is so many times longer than all shorter ones together. */
const BREAK_TIMES = 4;
const BREAK_PART = 0.06;
const BREAKS_PART_AT_MOST = 0.4;
const TICKS = 6;
const TICK_GAP = 0.1;

/** The timeline of a run as it stands. */
export function timelineOf(run: RunPicture, nowMs: number): Timeline {
  const steps = [...run.steps.values()]
    .filter(({ attempts }) => attempts.length > 0)
    .sort((a, b) => (a.startedAtMs ?? 0) - (b.startedAtMs ?? 0));
  const startMs = run.startedAtMs ?? steps[0]?.startedAtMs ?? nowMs;
  const endMs = Math.max(startMs + 1, run.endedAtMs ?? nowMs);
  const times = new Set([startMs, endMs]);
  for (const { attempts } of steps) {
    for (const { startedAtMs, endedAtMs } of attempts) {
      times.add(startedAtMs);
      if (endedAtMs !== undefined) times.add(endedAtMs);
    }
  }
  const axis = axisOf([...times].sort((a, b) => a - b));
  const rows = steps.map(({ id, state, attempts }) => {
    const restMs = isFinalStep(state) ? undefined : attempts.at(-1)?.endedAtMs;
    const rest = restMs === undefined ? undefined : { from: axis.place(restMs), to: 1 };
    return { id, rest, bars: barsOf(attempts, endMs, axis.place) };
  });
  return { rows, breaks: axis.breaks, ticks: axis.ticks, startMs, endMs };
}

function barsOf(attempts: readonly Attempt[], endMs: number, place: (ms: number) => number): Bar[] {
  return attempts.map((attempt, at) => {
    const { startedAtMs, endedAtMs, waitsFromMs, state } = attempt;
    const beforeMs = attempts[at - 1]?.endedAtMs;
    const isIdle = beforeMs !== undefined && beforeMs < startedAtMs;
    return {
      attempt,
      state,
      from: place(startedAtMs),
      to: place(endedAtMs ?? endMs),
      waitsFrom: waitsFromMs === undefined ? undefined : place(waitsFromMs),
      idle: isIdle ? { from: place(beforeMs), to: place(startedAtMs) } : undefined,
      idleMs: isIdle ? startedAtMs - beforeMs : 0,
    };
  });
}

interface Gap {
  readonly fromMs: number;
  readonly ms: number;
}

/** An axis through these times, which are in order. */
function axisOf(times: readonly number[]) {
  const gaps = times.slice(1).map((toMs, at) => {
    const fromMs = times[at] ?? toMs;
    return { fromMs, ms: toMs - fromMs };
  });
  const limitMs = longestWhole(gaps);
  const cut = gaps.filter(({ ms }) => ms > limitMs);
  const breakPart = Math.min(BREAK_PART, BREAKS_PART_AT_MOST / Math.max(1, cut.length));
  const wholeMs = gaps.reduce((sum, { ms }) => sum + (ms > limitMs ? 0 : ms), 0);
  const wholePart = 1 - breakPart * cut.length;
  const partOf = ({ ms }: Gap) =>
    ms > limitMs ? breakPart : wholeMs === 0 ? 0 : (ms / wholeMs) * wholePart;
  const starts: number[] = [];
  let at = 0;
  for (const gap of gaps) {
    starts.push(at);
    at += partOf(gap);
  }
  const place = (ms: number): number => {
    const index = lastAtOrBefore(gaps, ms);
    const gap = gaps[index];
    if (gap === undefined) return 0;
    const part = gap.ms === 0 ? 0 : Math.min(1, (ms - gap.fromMs) / gap.ms);
    return (starts[index] ?? 0) + part * partOf(gap);
  };
  const breaks = cut.map(({ fromMs, ms }) => ({
    ...{ fromMs, ms },
    ...{ from: place(fromMs), to: place(fromMs + ms) },
  }));
  return { place, breaks, ticks: ticksOf(times, place, breaks) };
}

/** The longest time that is drawn as long as it was, in ms. */
function longestWhole(gaps: readonly Gap[]): number {
  let sum = 0;
  let longest = 0;
  for (const ms of gaps.map((gap) => gap.ms).sort((a, b) => a - b)) {
    if (ms > BREAK_FROM_MS && sum > 0 && ms > BREAK_TIMES * sum) return longest;
    sum += ms;
    longest = ms;
  }
  return longest;
}

/** The last gap that begins at or before a time; the first one for an earlier time. */
function lastAtOrBefore(gaps: readonly Gap[], ms: number): number {
  let [low, high] = [0, gaps.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((gaps[middle]?.fromMs ?? 0) <= ms) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Labels at round times, none of them in a break or close to another one. Breaks divide the axis; each piece has its own round times. */
function ticksOf(
  times: readonly number[],
  place: (ms: number) => number,
  breaks: readonly Break[],
): Tick[] {
  const [startMs = 0, endMs = 0] = [times[0], times.at(-1)];
  const ticks: Tick[] = [];
  const edges = [startMs, ...breaks.flatMap(({ fromMs, ms }) => [fromMs, fromMs + ms]), endMs];
  for (let piece = 0; piece <= breaks.length; piece += 1) {
    const [fromMs = startMs, toMs = endMs] = [edges[piece * 2], edges[piece * 2 + 1]];
    if (toMs <= fromMs) continue;
    const wanted = Math.max(1, Math.round(TICKS * (place(toMs) - place(fromMs))));
    const stepMs = roundStep((toMs - fromMs) / wanted);
    const firstMs = Math.ceil((fromMs - startMs) / stepMs) * stepMs;
    // The label of the break that ends the piece stands there.
    const lastAt = piece < breaks.length ? place(toMs) - TICK_GAP : 1;
    for (let ms = firstMs; ms <= toMs - startMs; ms += stepMs) {
      const at = place(startMs + ms);
      const isFree = at - (ticks.at(-1)?.at ?? -1) >= TICK_GAP;
      if (isFree && (ms === 0 || at <= lastAt)) ticks.push({ at, ms });
    }
  }
  return ticks;
}

const ROUND_MS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((s) => s * 1_000),
  ...[1, 2, 5, 10, 15, 30].map((min) => min * 60_000),
  ...[1, 2, 3, 6, 12].map((h) => h * 3_600_000),
  ...[1, 2, 7, 14, 30].map((d) => d * 86_400_000),
];

function roundStep(ms: number): number {
  return ROUND_MS.find((round) => round >= ms) ?? Math.ceil(ms / 2_592_000_000) * 2_592_000_000;
}
