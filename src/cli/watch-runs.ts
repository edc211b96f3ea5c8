/** `workflows runs --watch`: follows the open runs of a list. A service that is away for less than a minute is gone on with. */
import type { Move, WatchManyResponse } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { type WorkflowRun, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { follow } from "../client/follow.ts";
import { EXIT, isAway, usageFault } from "./failure.ts";
import { oneLine } from "./one-line.ts";
import type { Output } from "./output.ts";
import type { Service } from "./service.ts";
import { moveJson, rowsOf } from "./show-moves.ts";
import { nameOf, runJson } from "./show-run.ts";

const AWAY_AT_MOST_MS = 60_000;
const RUNS_AT_MOST = 100;
const ENDED: ReadonlySet<WorkflowState> = new Set([
  WorkflowState.COMPLETED,
  WorkflowState.FAILED,
  WorkflowState.CANCELLED,
]);

/** Prints each move of the open runs until all have ended, or it is interrupted. Programs get the listed runs first. */
export async function watchRuns(
  { runs }: Service,
  listed: readonly WorkflowRun[],
  out: Output,
): Promise<number> {
  const states = new Map(
    listed.filter(({ state }) => !ENDED.has(state)).map(({ id, state }) => [id, state]),
  );
  if (states.size > RUNS_AT_MOST) {
    throw usageFault(`${states.size} of these runs are open, and --watch follows ${RUNS_AT_MOST}`);
  }
  for (const each of listed) {
    if (out.json) out.object({ run: runJson(each) });
    else if (out.quiet) out.line(each.id);
  }
  if (states.size === 0) {
    out.talk("none of these runs is open");
    return EXIT.done;
  }
  process.on("SIGINT", () => {
    process.stderr.write("\ninterrupted; the runs go on\n");
    process.exit(EXIT.interrupted);
  });
  // Nothing is left to do for a reader that is gone.
  process.stdout.once("error", () => process.exit(EXIT.done));
  const runIds = [...states.keys()];
  const places = new Map<string, string>();
  const open = (signal: AbortSignal) => {
    const after = [...places.values()];
    return runs.watchMany({ runIds, after, onlyNew: true }, { signal, timeoutMs: 0 });
  };
  for await (const message of follow({ open, isCut: isAway, awayMs: AWAY_AT_MOST_MS })) {
    const { runId, cursor } = message;
    // It may have moved since it was listed.
    if (!places.has(runId) && states.get(runId) !== message.state) printState(message, out);
    places.set(runId, cursor);
    if (message.move !== undefined) printMove(message.move, out);
  }
  return EXIT.done;
}

function printState({ runId, state }: WatchManyResponse, out: Output): void {
  const name = nameOf(WorkflowState, state);
  if (out.json) out.object({ run: { id: runId, state: `WORKFLOW_STATE_${name}` } });
  else out.line(out.quiet ? runId : `${runId}\t${name}`);
}

function printMove(move: Move, out: Output): void {
  if (out.json) out.object({ move: moveJson(move) });
  else if (out.quiet) out.line(move.runId);
  else for (const row of rowsOf(move)) out.line([move.runId, ...row].map(oneLine).join("\t"));
}
