/** `workflows watch`: follows a run until it ends. A service that is away for less than a minute is gone on with. */
import type { Move } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { type WorkflowRun, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { follow } from "../client/follow.ts";
import { type Call, textOption } from "./call.ts";
import { CliFailure, EXIT, isAway } from "./failure.ts";
import { createLiveTree } from "./live-tree.ts";
import { oneLine } from "./one-line.ts";
import type { Output } from "./output.ts";
import { connectService, type Service } from "./service.ts";
import { canDraw, readSettings } from "./settings.ts";
import { printMove, rowsOf } from "./show-moves.ts";
import { nameOf } from "./show-run.ts";
import { END_CODES } from "./wait.ts";

const AWAY_AT_MOST_MS = 60_000;

/** What is done with each move, and at the end. */
interface Viewer {
  move(move: Move): void;
  /** What was seen is complete so far. */
  end(): Promise<void>;
}

/** The exit code is that of the run's end. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const service = connectService(await readSettings(options));
  const [runId = ""] = args;
  const isLive = canDraw() && !out.json && !out.quiet;
  const interrupted = () => {
    process.stderr.write(`\ninterrupted; ${runId} goes on: workflows runs ${runId}\n`);
    process.exit(EXIT.interrupted);
  };
  process.on("SIGINT", interrupted);
  // Nothing is left to do for a reader that is gone.
  process.stdout.once("error", () => process.exit(EXIT.done));
  const viewer = isLive ? createLiveTree(service, runId) : createLines(out);
  try {
    await show(service, runId, textOption(call, "after") ?? "", viewer);
  } finally {
    await viewer.end();
    process.off("SIGINT", interrupted);
  }
  const ended = await requireRun(service, runId);
  out.talk(`${runId} ${nameOf(WorkflowState, ended.state)}`);
  return END_CODES[ended.state] ?? EXIT.done;
}

/** Gives each move to the viewer, once and in order, until the stream ends with the run. */
async function show({ runs }: Service, runId: string, from: string, viewer: Viewer): Promise<void> {
  let after = from;
  const open = (signal: AbortSignal) => runs.watch({ runId, after }, { signal, timeoutMs: 0 });
  for await (const { cursor, move } of follow({ open, isCut: isAway, awayMs: AWAY_AT_MOST_MS })) {
    after = cursor;
    if (move !== undefined) viewer.move(move);
  }
}

async function requireRun({ workflows }: Service, id: string): Promise<WorkflowRun> {
  const { run: found } = await workflows.getRun({ id });
  if (found === undefined) throw new CliFailure(`there is no run ${id}`, EXIT.notFound);
  return found;
}

/** A line for each change, at once. */
function createLines(out: Output): Viewer {
  return {
    move(move) {
      if (out.json || out.quiet) printMove(move, out);
      else for (const row of rowsOf(move)) out.line(row.map(oneLine).join("\t"));
    },
    end: async () => {},
  };
}
