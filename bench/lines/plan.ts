/** Which line is measured on which engine, and how. */
import type { EngineName } from "../engines/engine.ts";
import { LINE_STEPS } from "../engines/words.ts";
import type { LineName } from "../options.ts";
import { median } from "../report/statistics.ts";
import { measureConsole } from "./console-line.ts";
import { measureDoors } from "./doors-line.ts";
import { measureLong, measureReplicas } from "./growth-lines.ts";
import {
  measureInternal,
  measureOpenLoop,
  measureParked,
  measureStart,
  measureStartRun,
  measureTrigger,
} from "./own-lines.ts";
import type { Bed, Sample, Values } from "./sample.ts";
import {
  measureAccepted,
  measureFan,
  measureOne,
  measureSteps,
  measureWake,
  withWorker,
} from "./shared-lines.ts";
import { measureStarters } from "./starters-line.ts";
import { measureStored } from "./stored-line.ts";
import { measureWatch } from "./watch-line.ts";

type Measure = (bed: Bed, earlier: readonly Sample[]) => Promise<Values>;

/** A rate for an open loop whose peak was not measured. */
const RUNS_A_SECOND = 15;

const AGENT = {
  steps: (bed) => measureSteps(bed, "line"),
  one: (bed) => measureOne(bed, "line"),
  wake: measureWake,
  fan: (bed) => measureFan(bed, "fan"),
} satisfies Partial<Record<LineName, Measure>>;
const WORKER = {
  "worker-steps": (bed) => measureSteps(bed, "worker-line"),
  "worker-one": (bed) => measureOne(bed, "worker-line"),
  "worker-fan": (bed) => measureFan(bed, "worker-fan"),
} satisfies Partial<Record<LineName, Measure>>;
const MEASURES: Readonly<Record<EngineName, Partial<Record<LineName, Measure>>>> = {
  ours: {
    ...AGENT,
    "worker-steps": withWorker(WORKER["worker-steps"]),
    "worker-one": withWorker(WORKER["worker-one"]),
    "worker-fan": withWorker(WORKER["worker-fan"]),
    start: measureStart,
    internal: measureInternal,
    "start-run": (bed) => measureStartRun(bed, false),
    "start-run-key": (bed) => measureStartRun(bed, true),
    trigger: measureTrigger,
    "open-loop": (bed, earlier) => measureOpenLoop(bed, rateOf(bed, earlier)),
    parked: measureParked,
    long: measureLong,
    replicas: measureReplicas,
    watch: measureWatch,
    starters: measureStarters,
    doors: measureDoors,
    stored: measureStored,
    console: measureConsole,
  },
  floor: { steps: AGENT.steps, one: AGENT.one },
  "worker-floor": { "worker-steps": WORKER["worker-steps"], "worker-one": WORKER["worker-one"] },
  dbos: { ...AGENT, ...WORKER },
  restate: { ...AGENT, parked: measureAccepted },
  "restate-2": WORKER,
  "restate-svc": { steps: AGENT.steps, one: AGENT.one, fan: AGENT.fan },
};

/** How an engine is measured by a line; undefined where it is not. */
export function measureOf(engine: EngineName, line: LineName): Measure | undefined {
  return MEASURES[engine][line];
}

/** Half of the peak that the same run measured. */
function rateOf({ sizes }: Bed, earlier: readonly Sample[]): number {
  if (sizes.runsASecond !== undefined) return sizes.runsASecond;
  const peaks = earlier
    .filter(({ line, subject }) => line === "steps" && subject === "ours")
    .map(({ values }) => values.stepsASecond ?? 0);
  return peaks.length === 0 ? RUNS_A_SECOND : median(peaks) / LINE_STEPS / 2;
}
