/** `workflows pause`, `resume`, `cancel` and `compensate`: one call for each run that is named, whatever became of the others. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { WorkflowRun } from "../../gen/workflows/v1/workflows_pb.ts";
import { isJsonObject } from "../engine/values/json.ts";
import { type Action, type Call, flagOption, textOption } from "./call.ts";
import { CliFailure, EXIT, findFailure, usageFault } from "./failure.ts";
import { readFields } from "./field-options.ts";
import { type Output, printFailure } from "./output.ts";
import { previewCancel, previewCompensation } from "./previews.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { printRun } from "./show-run.ts";

type Ask = (service: Service, id: string, reason: string) => Promise<{ run?: WorkflowRun }>;
/** Prints what would be done. */
type Preview = (service: Service, id: string, out: Output) => Promise<void>;

/** `ofWorkflow`: the command that does the like with a workflow, for who names one. */
function command(ask: Ask, preview?: Preview, ofWorkflow?: string): Action {
  return async (call: Call) => {
    const key = textOption(call, "key");
    if (key !== undefined && call.args.length > 1) {
      throw usageFault("--key is the key of one change: give it with one run");
    }
    const service = connectService(await readSettings(call.options), key);
    const reason = textOption(call, "reason") ?? "";
    let exitCode: number = EXIT.done;
    for (const id of call.args) {
      try {
        if (preview !== undefined && flagOption(call, "preview")) {
          await preview(service, id, call.out);
          continue;
        }
        const { run } = await ask(service, id, reason);
        if (run !== undefined) printRun(run, call.out);
      } catch (error) {
        const named = withCommandOf(ofWorkflow, error, id);
        const failure = findFailure(named);
        if (failure === undefined || call.args.length === 1) throw named;
        printFailure(`${id}: ${failure.message}`);
        if (exitCode === EXIT.done) exitCode = failure.exitCode;
      }
    }
    return exitCode;
  };
}

/** What a call for one run failed with; where there is no such run, with the command for a workflow. */
function withCommandOf(ofWorkflow: string | undefined, error: unknown, id: string): unknown {
  const isMissing = findFailure(error)?.exitCode === EXIT.notFound;
  if (ofWorkflow === undefined || !isMissing || isRunId(id)) return error;
  const message = `there is no run "${id}"; for a workflow it is: workflows ${ofWorkflow} ${id}`;
  return new CliFailure(message, EXIT.notFound, { cause: error });
}

/** PauseRun. */
export const pause = command(
  ({ workflows }, id, reason) => workflows.pauseRun({ id, reason }),
  undefined,
  "triggers pause",
);
const resumeAsIs = command(
  ({ workflows }, id) => workflows.resumeRun({ id }),
  undefined,
  "triggers resume",
);

function isRunId(id: string): boolean {
  return id.startsWith("wfr_");
}

/** ResumeRun, or with `--set` ResumeWith. */
export const resume: Action = (call) => {
  const changed = readFields(call, "set");
  const reason = textOption(call, "reason") ?? "";
  if (changed === undefined) {
    if (reason !== "") throw usageFault("--reason goes with --set");
    return resumeAsIs(call);
  }
  if (call.args.length > 1) throw usageFault("--set changes one run: give it with one");
  if (reason === "") throw usageFault("--reason is required with --set: the history has it");
  const inputs = inputsOf(changed);
  return command(({ runs }, runId) => runs.resumeWith({ runId, reason, inputs }))(call);
};

/** By step; a step has fields. */
function inputsOf(changed: JsonObject): Record<string, JsonObject> {
  return Object.fromEntries(
    Object.entries(changed).map(([stepId, fields]) => {
      if (isJsonObject(fields)) return [stepId, fields];
      throw usageFault(`--set ${stepId}: name a step and a field of its input, as pay.amount_usd`);
    }),
  );
}
/** CancelRun. */
export const cancel = command(
  ({ workflows }, id, reason) => workflows.cancelRun({ id, reason }),
  previewCancel,
);
/** CompensateRun. */
export const compensate = command(
  ({ workflows }, id, reason) => workflows.compensateRun({ id, reason }),
  previewCompensation,
);
