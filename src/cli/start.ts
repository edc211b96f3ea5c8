/** `workflows start`: starts a run, and waits for its end with --wait or follows it with --watch. */
import { setTimeout as pause } from "node:timers/promises";
import type { WorkflowRun } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { readJsonObject } from "./json-option.ts";
import { readCount, readDurationMs } from "./numbers.ts";
import type { Output } from "./output.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings, requireHeaderText } from "./settings.ts";
import { printRun, printSteps } from "./show-run.ts";
import { END_CODES, waitForEnd } from "./wait.ts";
import { run as watch } from "./watch.ts";

/** Prints the run, after its end with --wait, or its moves with --watch. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const isWatched = flagOption(call, "watch");
  if (isWatched && (flagOption(call, "wait") || options.timeout !== undefined)) {
    throw usageFault("--watch waits for the end by itself: leave out --wait and --timeout");
  }
  const inputPayload = readJsonObject(call, "input", "inputFile");
  const waitMs = readDurationMs(call, "timeout");
  const definitionVersion = readCount(call, "version") ?? 0;
  const settings = { ...(await readSettings(options)), ...environmentOf(call) };
  const service = connectService(settings, textOption(call, "key"));
  const { id: definitionId } = await requireDefinition(service, args[0] ?? "");
  const { run: started } = await service.workflows.startRun({
    definitionId,
    definitionVersion,
    entityId: textOption(call, "entity") ?? "",
    ...(inputPayload === undefined ? {} : { inputPayload }),
  });
  if (started === undefined) throw new CliFailure("the service answers without a run", EXIT.failed);
  if (isWatched) {
    out.talk(`started ${started.id}`);
    return watch({ ...call, args: [started.id] });
  }
  if (!flagOption(call, "wait")) {
    printRun(started, out);
    return EXIT.done;
  }
  const ended = await waitOrInterrupt(service, started, waitMs, out);
  printRun(ended, out);
  if (!out.json && !out.quiet) printSteps(ended, out);
  return END_CODES[ended.state] ?? EXIT.timedOut;
}

function environmentOf(call: Call): { environment?: string } {
  const environment = textOption(call, "environment");
  if (environment === undefined) return {};
  return { environment: requireHeaderText(environment, "the name of --environment") };
}

/** The run at its end, or as it stands when the time ran out. Interrupted, it ends the process: the run goes on. */
async function waitOrInterrupt(
  service: Service,
  started: WorkflowRun,
  waitMs: number | undefined,
  out: Output,
): Promise<WorkflowRun> {
  const { id } = started;
  const interrupted = () => {
    process.stderr.write(`\ninterrupted; ${id} goes on: workflows runs ${id}\n`);
    process.exit(EXIT.interrupted);
  };
  process.on("SIGINT", interrupted);
  out.talk(`started ${id}`);
  try {
    const run = await waitForEnd(service, started, waitMs, {
      now: () => performance.now(),
      pause: (ms) => pause(ms),
    });
    if (END_CODES[run.state] === undefined)
      process.stderr.write(`${id} has not ended yet; it goes on: workflows runs ${id}\n`);
    return run;
  } finally {
    process.off("SIGINT", interrupted);
  }
}
