/**
 * What can happen to a run in memory, chosen at random: answers and refusals of calls, reports in time, late, repeated and
 * contradictory, time, and people's requests.
 * Boundary: makes inputs as the shell does; what they may do to the run is watched elsewhere (watched-run.ts).
 */
import { isFinalRun } from "../../../src/engine/values/run.ts";
import type { BareInput } from "../engine/engine-run.ts";
import { answerTo, goodAnswerTo } from "./random-answers.ts";
import type { RandomNumbers } from "./random-numbers.ts";
import {
  anyOrder,
  byHand,
  childReport,
  goodChildReport,
  goodReportOn,
  openRows,
  reportOn,
} from "./random-reports.ts";
import { broken } from "./watch.ts";
import type { WatchedRun } from "./watched-run.ts";

/** Probabilities of a sequence. */
export interface Mood {
  /** Of a hundred answers and reports, how many report trouble. */
  readonly troubles: number;
  /** Of a hundred happenings, how many are requests of people: pause, resume, cancel, compensate. */
  readonly requests: number;
}

const REQUESTS: readonly BareInput[] = [
  { kind: "pause_requested", reason: "" },
  { kind: "pause_requested", reason: "" },
  { kind: "pause_requested", reason: "" },
  { kind: "resume_requested" },
  { kind: "resume_requested" },
  { kind: "resume_requested" },
  { kind: "resume_requested" },
  { kind: "cancel_requested", reason: "enough" },
  { kind: "compensate_requested", reason: "compensate" },
  { kind: "run_begun" },
];

/** Applies one input; sometimes twice, which must make no difference. */
export function happen(run: WatchedRun, random: RandomNumbers, mood: Mood): void {
  const input = chooseInput(run, random, mood);
  if (input === undefined || (mood.requests === 0 && isRequest(input))) return;
  run.put(input);
  if (!random.chance(20) || !mayRepeat(run, input)) return;
  // A step has two timers, and each input fires the first of those that are due.
  if (input.kind === "step_due" && isDue(run, input.stepIndex)) run.put(input);
  run.repeat(input);
}

function isDue({ at }: WatchedRun, stepIndex: number): boolean {
  const { timeoutAtMs, wakeAtMs } = at.rows.get(stepIndex) ?? {};
  return Math.min(timeoutAtMs ?? Infinity, wakeAtMs ?? Infinity) <= at.now;
}

function isRequest({ kind }: BareInput): boolean {
  return REQUESTS.some((request) => request.kind === kind);
}

function chooseInput(run: WatchedRun, random: RandomNumbers, mood: Mood): BareInput | undefined {
  if (random.chance(mood.requests)) return random.pick(REQUESTS);
  const choice = random.below(100);
  if (choice < 45) {
    const issued = random.pick([...run.at.openCalls.values()]);
    if (issued !== undefined) return answerTo(random, issued, random.chance(mood.troubles));
  } else if (choice < 78) {
    const report = random.chance(30) && childReport(random, run.at, random.chance(mood.troubles));
    if (report) return report;
    const row = random.pick(openRows(run.at));
    if (row !== undefined) return reportOn(random, run.at, row, random.chance(mood.troubles));
  } else if (choice < 86) {
    return timePasses(run, random);
  } else if (choice < 93) {
    return again(run, random);
  }
  const stepIndex = random.below(run.at.graph.steps.length);
  return random.chance(30)
    ? anyOrder(random, run.at, stepIndex)
    : byHand(random, run.at, stepIndex);
}

/** Advances the clock and fires a timer that is due, not yet due, or missing. */
function timePasses(run: WatchedRun, random: RandomNumbers): BareInput {
  run.at.now += random.below(4) * 1_000;
  if (random.chance(10)) return { kind: "deadline_passed" };
  const timed = openRows(run.at).filter((row) => (row.timeoutAtMs ?? row.wakeAtMs) !== undefined);
  const stepIndex = random.pick(timed)?.index ?? random.below(run.at.graph.steps.length);
  return { kind: "step_due", stepIndex };
}

/** Repeats an earlier input, perhaps with another outcome. */
function again(run: WatchedRun, random: RandomNumbers): BareInput | undefined {
  const input = random.pick(run.log)?.input;
  if (input === undefined || random.chance(50)) return input;
  if (input.kind === "owner_reported") {
    const state = input.report.state === "COMPLETED" ? "FAILED" : "COMPLETED";
    return { ...input, report: { ...input.report, state, costUsd: 7 } };
  }
  if (input.kind === "approval_decided") {
    const decision = input.report.decision === "APPROVED" ? "DENIED" : "APPROVED";
    return { ...input, report: { ...input.report, decision } };
  }
  return input;
}

/** Whether a second time must change nothing: a report by hand names no attempt, and a failed compensation is retried. */
function mayRepeat({ at }: WatchedRun, input: BareInput): boolean {
  if (input.kind === "compensate_requested") return at.run.state !== "FAILED";
  if (input.kind === "step_ordered") return false;
  if (input.kind !== "step_reported") return true;
  const { stepId, state } = input.report;
  const row = at.rows.get(at.index(stepId));
  return row === undefined || row.state === state;
}

/** Answers everything with success until the run has ended and nothing is open. */
export function finish(run: WatchedRun): void {
  const { at } = run;
  for (let round = 0; round < 3_000; round += 1) {
    if (isFinalRun(at.run.state) && at.openCalls.size === 0) return;
    if (at.run.state === "PAUSED") run.put({ kind: "resume_requested" });
    const [issued] = at.openCalls.values();
    if (issued !== undefined) {
      run.put(goodAnswerTo(issued));
      continue;
    }
    const input =
      goodChildReport(at) ?? openRows(at).flatMap((row) => goodReportOn(at, row) ?? [])[0];
    if (input === undefined) goOnInTime(run);
    else run.put(input);
  }
  broken(`the run does not end: it is ${at.run.state}`);
}

function goOnInTime(run: WatchedRun): void {
  const { at } = run;
  const times = openRows(at).flatMap((row) => row.wakeAtMs ?? row.timeoutAtMs ?? []);
  // Without a timer no time is the next one.
  if (times.length > 0) at.now = Math.max(at.now, Math.min(...times));
  for (const row of openRows(at)) run.put({ kind: "step_due", stepIndex: row.index });
}
