/** `workflows pause`, `resume`, `cancel` and `compensate`: one call for each run that is named. */
import type { WorkflowRun } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Action, type Call, textOption } from "./call.ts";
import { EXIT } from "./failure.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { printRun } from "./show-run.ts";

type Ask = (service: Service, id: string, reason: string) => Promise<{ run?: WorkflowRun }>;

function command(ask: Ask): Action {
  return async (call: Call) => {
    const service = connectService(await readSettings(call.options), textOption(call, "key"));
    const reason = textOption(call, "reason") ?? "";
    for (const id of call.args) {
      const { run } = await ask(service, id, reason);
      if (run !== undefined) printRun(run, call.out);
    }
    return EXIT.done;
  };
}

/** PauseRun. */
export const pause = command(({ workflows }, id, reason) => workflows.pauseRun({ id, reason }));
/** ResumeRun. */
export const resume = command(({ workflows }, id) => workflows.resumeRun({ id }));
/** CancelRun. */
export const cancel = command(({ workflows }, id, reason) => workflows.cancelRun({ id, reason }));
/** CompensateRun. */
export const compensate = command(({ workflows }, id, reason) =>
  workflows.compensateRun({ id, reason }),
);
