/** A simulation for people: what happened when, which paths were taken and why, and how it ended. Boundary: forms. */
import type { SimulatedAttempt, Simulation } from "../engine/simulation/simulation.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { oneLine } from "./one-line.ts";
import { type Output, tookText } from "./output.ts";

const SHOWN_CHARS = 100;

/** Prints it; with --quiet the steps alone. */
export function showSimulation(name: string, simulation: Simulation, out: Output): void {
  const { path, startMs } = simulation;
  if (out.quiet) {
    for (const { stepId } of path) out.line(stepId);
    return;
  }
  out.line(oneLine(`${name}, simulated: nothing was called`));
  const rows = path.map((attempt) => [
    sinceText(attempt.startMs - startMs),
    `${attempt.isUndo ? "undo: " : ""}${attempt.stepId}${attemptText(attempt)}`,
    endText(attempt),
    waitText(attempt),
    attempt.costUsd === 0 ? "" : `${attempt.costUsd} USD`,
    noteText(attempt),
  ]);
  out.line("");
  printAligned(["WHEN", "STEP", "END", "WAITED", "COST", "NOTE"], rows, out);
  printBranches(simulation, out);
  const { waits, problems, unusedMocks, payloadsLeftOut } = simulation;
  if (waits.length + problems.length > 0) out.line("");
  for (const { stepId, sentence } of waits) out.line(oneLine(`open: ${stepId}: ${sentence}`));
  for (const problem of problems) out.line(oneLine(`problem: ${problem}`));
  for (const id of unusedMocks) out.talk(`the mock of "${id}" was not asked for`);
  if (payloadsLeftOut > 0) out.talk(`${payloadsLeftOut} payloads are left out: they are too large`);
  out.line("");
  out.line(oneLine(endLine(simulation)));
  if (simulation.output !== undefined) out.line(`output ${shown(simulation.output)}`);
}

/** What says nothing new: a step that did not run leads nowhere, and one that succeeded takes no path for trouble. */
const PLAIN = / was (skipped|cancelled)$| succeeded, and this path is for /;

/** The paths of steps that took one and not another. */
function printBranches({ edges }: Simulation, out: Output): void {
  const decided = edges.filter(({ state, why }) => state !== "open" && !PLAIN.test(why));
  const dead = decided.filter(({ state }) => state === "dead").map(({ from }) => from);
  const told = decided.filter(({ from }) => dead.includes(from));
  if (told.length === 0) return;
  out.line("");
  const rows = told.map(({ from, to, state, why }) => [
    state === "taken" ? "taken" : "not taken",
    `${from} > ${to}`,
    why,
  ]);
  printAligned(["PATH", "", "WHY"], rows, out);
}

function endLine({ end, outcome, sentence, startMs, endMs, costUsd }: Simulation): string {
  const word = end === "ended" ? (outcome ?? "ENDED") : end === "waits" ? "WAITS" : "STOPPED";
  const cost = costUsd === 0 ? "no cost" : `${costUsd} USD`;
  return `${word} after ${tookText(endMs - startMs)}, ${cost}: ${sentence}`;
}

function sinceText(ms: number): string {
  return ms === 0 ? "at once" : `+${tookText(ms)}`;
}

function attemptText({ attempt }: SimulatedAttempt): string {
  return attempt === 1 ? "" : ` (attempt ${attempt})`;
}

function endText({ endMs, outcome, state }: SimulatedAttempt): string {
  if (endMs === undefined) return "open";
  return outcome === "" || outcome === "error" ? state.toLowerCase() : outcome;
}

function waitText({ startMs, endMs }: SimulatedAttempt): string {
  return endMs === undefined || endMs === startMs ? "" : tookText(endMs - startMs);
}

function noteText({ errorMessage, outcome, assumed }: SimulatedAttempt): string {
  const notes = assumed.map((each) => `assumed: ${each}`);
  return [errorMessage, ...notes].filter((note) => note !== "" && note !== outcome).join("; ");
}

/** As a table on a terminal: a simulation is read by people. */
function printAligned(head: readonly string[], given: readonly string[][], out: Output): void {
  const rows = [head, ...given.map((row) => row.map((cell) => cut(oneLine(cell))))];
  const widths = head.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const used = widths.flatMap((width, at) =>
    given.some((row) => (row[at] ?? "") !== "") ? [{ width, at }] : [],
  );
  for (const row of rows) {
    out.line(
      used
        .map(({ width, at }) => (row[at] ?? "").padEnd(width))
        .join("  ")
        .trimEnd(),
    );
  }
}

function shown(value: JsonObject): string {
  return cut(oneLine(JSON.stringify(value)), 2_000);
}

function cut(text: string, most = SHOWN_CHARS): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
}
