/** How large the loads are. */
import type { EngineName } from "../engines/engine.ts";
import type { Options } from "../options.ts";

/** The sizes of one run of the benchmark. */
export interface Sizes {
  readonly repetitions: number;
  readonly lineRuns: number;
  readonly oneRuns: number;
  readonly wakes: number;
  readonly fans: number;
  readonly internalRuns: number;
  readonly startedRuns: number;
  readonly echoCalls: number;
  readonly events: number;
  readonly restarts: number;
  /** Steps of the long run, and of the chains beside it together. */
  readonly longSteps: number;
  readonly replicaRuns: number;
  /** Streams that are open at once. */
  readonly watchers: number;
  readonly deliveries: number;
  /** Schedules that are not due, beside the few that are. */
  readonly schedules: number;
  /** Workflows of one workspace, and how often they are listed. */
  readonly workflows: number;
  readonly listed: number;
  /** Calls of one turn, by a door or its RPC; and searches over MCP. */
  readonly doorCalls: number;
  readonly searches: number;
  /** Runs that are stored by SQL. */
  readonly stored: { readonly finished: number; readonly parked: number };
  /** Of one turn. */
  readonly storedRuns: number;
  readonly storedCalls: number;
  /** Steps of the graph that the console draws, and runs that it lists. */
  readonly consoleSteps: number;
  readonly consoleRuns: number;
  readonly openSeconds: number;
  /** Unset: half of the peak. */
  readonly runsASecond: number | undefined;
  /** In rising order. */
  readonly parked: readonly number[];
  /** How long parked runs are watched for what they cost idle. */
  readonly idleMs: number;
}

const FULL = {
  repetitions: 3,
  lineRuns: 2_000,
  oneRuns: 100,
  wakes: 200,
  fans: 20,
  internalRuns: 1_000,
  startedRuns: 3_000,
  echoCalls: 20_000,
  events: 10_000,
  restarts: 3,
  longSteps: 1_000,
  replicaRuns: 500,
  watchers: 1_000,
  deliveries: 10_000,
  schedules: 10_000,
  workflows: 10_000,
  listed: 200,
  doorCalls: 1_500,
  searches: 200,
  stored: { finished: 1_000_000, parked: 100_000 },
  storedRuns: 150,
  storedCalls: 60,
  consoleSteps: 1_000,
  consoleRuns: 10_000,
  openSeconds: 600,
  parked: [300, 10_000],
  idleMs: 60_000,
};
const QUICK = {
  repetitions: 1,
  lineRuns: 40,
  oneRuns: 3,
  wakes: 5,
  fans: 2,
  internalRuns: 10,
  startedRuns: 50,
  echoCalls: 500,
  events: 50,
  restarts: 1,
  longSteps: 50,
  replicaRuns: 20,
  watchers: 50,
  deliveries: 100,
  schedules: 100,
  workflows: 100,
  listed: 10,
  doorCalls: 100,
  searches: 10,
  stored: { finished: 50_000, parked: 5_000 },
  storedRuns: 5,
  storedCalls: 10,
  consoleSteps: 100,
  consoleRuns: 500,
  openSeconds: 5,
  parked: [20, 60],
  idleMs: 2_000,
};
const SECONDS_A_MINUTE = 60;

/** Runs in flight, for each engine as many as served it best on two cores. */
export const IN_FLIGHT: Readonly<Record<EngineName, number>> = {
  ours: 256,
  floor: 256,
  "worker-floor": 256,
  dbos: 32,
  restate: 512,
  "restate-2": 512,
  "restate-svc": 256,
};
/** Calls open at once. */
export const CALLS_OPEN = 64;
/** Runs of internal steps in flight. */
export const INTERNAL_IN_FLIGHT = 64;
/** What comes before a measurement, as a part of it. */
export const WARM_UP_SHARE = 0.25;

/** The sizes that the options ask for. */
export function sizesOf(options: Options): Sizes {
  const sizes = options.quick ? QUICK : FULL;
  return {
    ...sizes,
    repetitions: options.repetitions ?? sizes.repetitions,
    openSeconds:
      options.minutes === undefined ? sizes.openSeconds : options.minutes * SECONDS_A_MINUTE,
    runsASecond: options.runsASecond,
    parked: options.parked ?? sizes.parked,
  };
}
