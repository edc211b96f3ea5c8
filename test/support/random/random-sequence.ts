/**
 * Random sequences: a version, inputs to runs of it, and the rules that must hold.
 * Boundary: a sequence is its seed; the same seed plays the same on every machine.
 */
import { planCompensation } from "../../../src/engine/flow/compensation-order.ts";
import { checkVersion } from "../../../src/engine/graph/check.ts";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import type { Graph } from "../../../src/engine/graph/graph.ts";
import { isFinalRun, type RunState } from "../../../src/engine/values/run.ts";
import { EngineRun } from "../engine/engine-run.ts";
import { finish, happen, type Mood } from "./random-happenings.ts";
import { type RandomNumbers, randomNumbers } from "./random-numbers.ts";
import { playRerun } from "./random-rerun.ts";
import { RUN_INPUT, randomVersion } from "./random-version.ts";
import { broken } from "./watch.ts";
import { WatchedRun } from "./watched-run.ts";

/** Runs that are played of each version: compiling one costs as much as a run. */
export const RUNS_PER_VERSION = 4;

/** Counts of what the sequences reached, to show that they cover it. */
export type Reached = Map<string, number>;

/** Plays the sequences of a seed. Throws with the seed when a rule is broken. */
export function playSequences(seed: number, reached: Reached): void {
  const random = randomNumbers(seed);
  const spec = randomVersion(random);
  const faults = checkVersion(spec);
  if (faults.length > 0) broken(`the generator made ${JSON.stringify(faults)}`);
  const graph = compileGraph(spec);
  for (let n = 0; n < RUNS_PER_VERSION; n += 1) playRun(graph, random, reached);
}

function playRun(graph: Graph, random: RandomNumbers, reached: Reached): void {
  const mood: Mood = {
    troubles: random.pick([2, 10, 30]) ?? 10,
    requests: random.pick([0, 4, 15]) ?? 4,
  };
  const run = new WatchedRun(graph, random.chance(40));
  if (random.chance(97)) run.put({ kind: "run_begun" });
  const happenings = random.below(8 + 2 * graph.steps.length);
  for (let n = 0; n < happenings; n += 1) happen(run, random, mood);
  if (run.at.run.state === "PENDING") run.put({ kind: "run_begun" });
  finish(run);
  count(reached, run.at.run.state);
  if (mood.requests === 0) playPaused(run, reached);
  if (random.chance(50)) compensate(run, random, reached);
  stayFinal(run, random, mood);
  for (const name of run.at.events) count(reached, name.slice(name.indexOf(".") + 1));
  if (random.chance(20)) playInBatches(run, random);
  if (random.chance(20)) playInPieces(run, reached);
  count(reached, playRerun(run.at, random) > 0 ? "rerun with reused steps" : "rerun");
}

/** Compensates a run that failed or was cancelled; where that fails, a second request compensates the rest. */
function compensate(run: WatchedRun, random: RandomNumbers, reached: Reached): void {
  const planned = plannedOf(run);
  const before = new Set(undoneOf(run));
  run.put({ kind: "compensate_requested", reason: "compensate" });
  const happenings = random.below(12);
  for (let n = 0; n < happenings; n += 1) happen(run, random, { troubles: 40, requests: 3 });
  finish(run);
  run.put({ kind: "compensate_requested", reason: "compensate" });
  finish(run);
  watchPlan(run, planned, before);
  count(reached, `compensated: ${run.at.run.state}`);
}

function plannedOf({ at }: WatchedRun): Set<number> {
  return new Set(planCompensation(at.graph, at.run).map(({ index }) => index));
}

/** The steps whose compensation is COMPLETED. */
function undoneOf({ at }: WatchedRun): number[] {
  return at.graph.steps
    .filter(({ compensation }) => at.rows.get(compensation)?.state === "COMPLETED")
    .map(({ index }) => index);
}

/** What a preview named is undone now or still named, and nothing else was undone. */
function watchPlan(
  run: WatchedRun,
  planned: ReadonlySet<number>,
  before: ReadonlySet<number>,
): void {
  const left = plannedOf(run);
  const undone = new Set(undoneOf(run));
  for (const index of undone) {
    if (!planned.has(index) && !before.has(index)) broken(`step ${index} was not in the plan`);
  }
  for (const index of planned) {
    const { compensation = -1 } = run.at.graph.steps[index] ?? {};
    if (compensation < 0 || before.has(index)) continue;
    if (undone.has(index) === left.has(index)) broken(`step ${index} is planned and not undone`);
  }
}

/** Nothing but CompensateRun moves a run that ended. */
function stayFinal(run: WatchedRun, random: RandomNumbers, mood: Mood): void {
  for (let n = 0; n < 6; n += 1) happen(run, random, { ...mood, requests: 0 });
  for (const kind of ["pause_requested", "cancel_requested"] as const)
    run.put({ kind, reason: "" });
  run.put({ kind: "resume_requested" });
  if (!isFinalRun(run.at.run.state)) broken(`a run that ended is ${run.at.run.state}`);
}

/** The same inputs, each between a pause and a resume, give the same run, if the clock stands still. */
function playPaused({ at, log }: WatchedRun, reached: Reached): void {
  const now = log[0]?.now ?? 0;
  if (log.some((each) => each.now !== now)) return;
  const other = new EngineRun(at.graph.spec, RUN_INPUT, {}, { graph: at.graph });
  other.lookups = at.lookups;
  for (const { input } of log) {
    other.put({ kind: "pause_requested", reason: "" });
    other.put(input);
    other.put({ kind: "resume_requested" });
  }
  count(reached, "paused at every input");
  if (JSON.stringify(resultOf(at)) !== JSON.stringify(resultOf(other))) {
    broken("a run that was paused and resumed ended differently");
  }
}

function resultOf({ run, rows }: EngineRun) {
  const { state, totalCostUsd, stepMarks, edgeMarks } = run;
  const steps = sorted(rows).map(([index, row]) => {
    const { output, outputExtendsInput, retryCount, costUsd, errorMessage } = row;
    return {
      index,
      state: row.state,
      output,
      outputExtendsInput,
      retryCount,
      costUsd,
      errorMessage,
    };
  });
  return { state, totalCostUsd, stepMarks, edgeMarks, steps };
}

/** The same inputs, each worked off in the smallest pieces, come to the same run and the same calls. */
function playInPieces({ at, log }: WatchedRun, reached: Reached): void {
  const other = new EngineRun(at.graph.spec, RUN_INPUT, {}, { graph: at.graph });
  other.lookups = at.lookups;
  other.budget = 1;
  let pieces = 0;
  for (const { now, input } of log) {
    other.now = now;
    other.put(input);
    pieces += other.continueAll();
  }
  if (pieces > 0) count(reached, "in pieces");
  const one = [resultOf(at), sorted(at.openCalls).map(([id]) => id)];
  const many = [resultOf(other), sorted(other.openCalls).map(([id]) => id)];
  if (JSON.stringify(one) !== JSON.stringify(many)) {
    broken(`a run whose work was done in pieces ended differently: ${JSON.stringify([one, many])}`);
  }
}

/** The same inputs, many to a batch, make the same run, rows, history and calls. */
function playInBatches({ at, log }: WatchedRun, random: RandomNumbers): void {
  const other = new EngineRun(at.graph.spec, RUN_INPUT, {}, { graph: at.graph });
  other.lookups = at.lookups;
  for (let first = 0; first < log.length; ) {
    const now = log[first]?.now ?? 0;
    const most = 1 + random.below(12);
    const batch = log.slice(first, first + most).filter((each) => each.now === now);
    const length = log.slice(first, first + most).findIndex((each) => each.now !== now);
    const inputs = batch.slice(0, length < 0 ? batch.length : length);
    other.now = now;
    other.putAll(inputs.map(({ input }) => input));
    first += inputs.length;
  }
  const one = [at.run, sorted(at.rows), at.history, sorted(at.openCalls)];
  const many = [other.run, sorted(other.rows), other.history, sorted(other.openCalls)];
  if (JSON.stringify(one) !== JSON.stringify(many)) broken("a batch made another run");
}

function sorted<Key extends string | number, Item>(items: ReadonlyMap<Key, Item>): [Key, Item][] {
  return [...items].sort(([one], [other]) => (one < other ? -1 : 1));
}

function count(reached: Reached, name: RunState | string): void {
  reached.set(name, (reached.get(name) ?? 0) + 1);
}
