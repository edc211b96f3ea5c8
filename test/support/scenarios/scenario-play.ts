/**
 * Plays a script on a stage and writes down what happened.
 * Boundary: the stage is the pure engine or the runtime with its database; the transcript must be the same on both.
 *
 * The service's calls to itself for child runs are carried out after each happening, in the order in which they were
 * issued, until none is left; `hold` keeps them back until `go on`.
 */

import type { Graph } from "../../../src/engine/graph/graph.ts";
import type { CallResult } from "../../../src/engine/values/call.ts";
import type { BusEvent } from "../../../src/engine/values/event.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import type { RunFacts } from "../../../src/engine/values/new-run.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import type { RunView } from "../../../src/engine/values/view.ts";
import type { BareInput } from "../engine/engine-run.ts";
import { type Cast, isOwnCall, type OwnCall, openCast } from "./scenario-cast.ts";
import { refusedAtDoor } from "./scenario-door.ts";
import { opensRun, type ScriptItem } from "./scenario-file.ts";
import { type Happening, type MadeCall, parseHappening } from "./scenario-happening.ts";
import { showCall, showEnd, showMove, showReply } from "./scenario-show.ts";

/** When every run of a script begins: a Monday, 08:00 UTC. */
export const SCRIPT_STARTS_AT_MS = Date.UTC(2027, 0, 4, 8);

/** A run that a line of the script begins. */
interface Begun {
  readonly runId: string;
  readonly reply: Reply;
}

/** Where a script is played: one run at a time, with the child runs that it starts. */
export interface Stage {
  /** Of the version whose runs the script begins. */
  readonly graph: Graph;
  /** Of the version of a run on the stage. */
  graphOf(runId: string): Graph;
  /** Sets the clock to SCRIPT_STARTS_AT_MS, begins another run and forgets the last ones. */
  start(input: JsonObject, facts: Partial<RunFacts>): Promise<Begun>;
  /** An event comes by the bus: as `start` where it starts a run by the version's trigger, else undefined.
   * What stood on the stage is forgotten in any case. */
  arrive(event: BusEvent): Promise<Begun | undefined>;
  put(runId: string, input: BareInput): Promise<Reply>;
  /** Carries out a call of the service to itself, as src/runtime/own-submissions.ts does, without its answer. */
  carryOut(own: OwnCall): Promise<CallResult>;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
  /** Moves of a run, and calls of all runs, since they were last taken. */
  takeMoves(runId: string): Promise<readonly Move[]>;
  takeCalls(): readonly MadeCall[];
  view(runId: string): Promise<RunView>;
  /** Ids of a run's calls whose result is not committed. */
  openCalls(runId: string): Promise<readonly string[]>;
}

/** Between any two happenings, so that the order of times is the order of the script. */
const TICK_MS = 10;

/** Plays all runs of a script; gives the script back with the transcript that this stage wrote. */
export async function playScript(
  stage: Stage,
  items: readonly ScriptItem[],
): Promise<ScriptItem[]> {
  const played: ScriptItem[] = [];
  let cast = openCast();
  for (const [place, item] of items.entries()) {
    if (item.kind === "remark") {
      played.push(item);
      continue;
    }
    if (opensRun(item.text)) cast = openCast();
    const lines = await playLine(stage, item.text, cast);
    const next = items.slice(place + 1).find((each) => each.kind === "happening");
    const ends = lines !== NOTHING && (next === undefined || opensRun(next.text));
    played.push({ ...item, expected: ends ? [...lines, ...(await endOf(stage, cast))] : lines });
  }
  return played;
}

/** An event that starts no run. */
const NOTHING: string[] = ["  nothing starts"];
const IN_CHILD = /^in (\S+) (.*)$/;

async function playLine(stage: Stage, text: string, cast: Cast): Promise<string[]> {
  if (text === "hold" || text === "go on") {
    cast.isHeld = text === "hold";
    return indent(cast.isHeld ? [] : await carryOutAll(stage, cast));
  }
  const [, label, line = text] = IN_CHILD.exec(text) ?? [];
  const runId = cast.find(label);
  const graph = runId === undefined ? stage.graph : stage.graphOf(runId);
  const happening = parseHappening(line, graph, cast.callsOf(runId));
  if (happening.kind === "clock") {
    await stage.advance(happening.ms);
    return [];
  }
  const refused = happening.kind === "input" ? refusedAtDoor(graph, happening.input) : undefined;
  if (refused !== undefined) return [`  refused invalid_fields: ${refused}`];
  const reply = await playOne(stage, happening, { cast, runId });
  if (reply === undefined) return NOTHING;
  const news = await gather(stage, cast);
  const own = cast.isHeld ? [] : await carryOutAll(stage, cast);
  return indent([cast.name(showReply(reply)), ...news, ...own]);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

async function playOne(
  stage: Stage,
  happening: Exclude<Happening, { kind: "clock" }>,
  { cast, runId }: { cast: Cast; runId: string | undefined },
): Promise<Reply | undefined> {
  switch (happening.kind) {
    case "start":
    case "arrive": {
      const begun = await begin(stage, happening);
      if (begun !== undefined) cast.enter(begun.runId);
      return begun?.reply;
    }
    case "input":
      if (runId === undefined) throw new Error("no run has begun");
      await stage.advance(TICK_MS);
      return stage.put(runId, happening.input);
  }
}

async function begin(
  stage: Stage,
  happening: Extract<Happening, { kind: "start" | "arrive" }>,
): Promise<Begun | undefined> {
  if (happening.kind === "arrive") return stage.arrive(happening.event);
  return stage.start(happening.input, happening.facts);
}

/** What is new of every run: moves, then calls. */
async function gather(stage: Stage, cast: Cast): Promise<string[]> {
  const lines: string[] = [];
  for (const runId of cast.runIds()) {
    const moves = await stage.takeMoves(runId);
    lines.push(...moves.map((move) => cast.tell(runId, showMove(stage.graphOf(runId), move))));
  }
  const made = stage.takeCalls();
  cast.note(made);
  const calls = made.map((each) =>
    cast.tell(each.runId, showCall(stage.graphOf(each.runId), each)),
  );
  return [...lines, ...calls];
}

async function carryOutAll(stage: Stage, cast: Cast): Promise<string[]> {
  const lines: string[] = [];
  for (let made = cast.nextOwn(); made !== undefined; made = cast.nextOwn()) {
    const { id: callId, runId, stepIndex, attempt, call } = made;
    if (!isOwnCall(call)) continue;
    const result = await stage.carryOut({ callId, call });
    if (result.ok && result.value.kind === "start_run") {
      const isList = stage.graphOf(runId).steps[stepIndex]?.children?.forEach !== undefined;
      const stepId = stage.graphOf(runId).steps[stepIndex]?.def.id ?? "";
      cast.enterChild(made, { runId: result.value.runId, stepId, isList });
    }
    lines.push(...(await gather(stage, cast)));
    await stage.put(runId, {
      kind: "call_returned",
      callId,
      call: call.kind,
      stepIndex,
      attempt,
      result,
    });
    lines.push(...(await gather(stage, cast)));
  }
  return lines;
}

async function endOf(stage: Stage, cast: Cast): Promise<string[]> {
  const lines: string[] = [];
  for (const runId of cast.runIds()) {
    const end = showEnd(await stage.view(runId), await stage.openCalls(runId));
    lines.push(...end.map((line) => `= ${cast.tell(runId, line)}`));
  }
  return lines;
}
