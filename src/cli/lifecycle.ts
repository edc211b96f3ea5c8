/** `workflows pause`, `resume`, `cancel` and `compensate`: one call for each run that is named, whatever became of the others. */
import type { WorkflowRun } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Action, type Call, flagOption, textOption } from "./call.ts";
import { EXIT, findFailure, usageFault } from "./failure.ts";
import { type Output, printFailure } from "./output.ts";
import { previewCancel, previewCompensation } from "./previews.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { printRun } from "./show-run.ts";

type Ask = (service: Service, id: string, reason: string) => Promise<{ run?: WorkflowRun }>;
/** Prints what would be done. */
type Preview = (service: Service, id: string, out: Output) => Promise<void>;

function command(ask: Ask, preview?: Preview): Action {
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
        const failure = findFailure(error);
        if (failure === undefined || call.args.length === 1) throw error;
        printFailure(`${id}: ${failure.message}`);
        if (exitCode === EXIT.done) exitCode = failure.exitCode;
      }
    }
    return exitCode;
  };
}

/** PauseRun. */
export const pause = command(({ workflows }, id, reason) => workflows.pauseRun({ id, reason }));
/** ResumeRun. */
export const resume = command(({ workflows }, id) => workflows.resumeRun({ id }));
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
