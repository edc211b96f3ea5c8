/** `workflows retry`, `skip` and `fail`, and `complete` of a step: one order for one step. */
import { toJson } from "@bufbuild/protobuf";
import { type StepRun, StepRunSchema, StepRunState } from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { type Action, type Call, textOption } from "./call.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { readJsonObject } from "./json-option.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

interface Order {
  readonly runId: string;
  readonly stepId: string;
  readonly reason: string;
}

type Give = (service: Service, order: Order, call: Call) => Promise<{ step?: StepRun }>;

function command(give: Give): Action {
  return async (call: Call) => {
    const reason = textOption(call, "reason") ?? "";
    if (reason === "") throw usageFault("--reason is required: the history has it");
    const service = connectService(await readSettings(call.options), textOption(call, "key"));
    const [runId = "", stepId = ""] = call.args;
    const { step } = await give(service, { runId, stepId, reason }, call);
    if (step === undefined) {
      throw new CliFailure("the service answers without a step", EXIT.failed);
    }
    printStep(runId, step, call);
    return EXIT.done;
  };
}

function printStep(runId: string, step: StepRun, { out }: Call): void {
  if (out.json) out.object(toJson(StepRunSchema, step, { useProtoFieldName: true }) as Json);
  else if (out.quiet) out.line(step.stepId);
  else out.line(`${runId} ${step.stepId} ${nameOf(StepRunState, step.state)}`);
}

function outputOf(call: Call) {
  const output = readJsonObject(call, "output", "outputFile");
  return output === undefined ? {} : { output };
}

/** RetryStep. */
export const retry = command(({ runs }, order) => runs.retryStep(order));
/** SkipStep. */
export const skip = command(({ runs }, order, call) =>
  runs.skipStep({ ...order, ...outputOf(call) }),
);
/** CompleteStep. */
export const completeStep = command(({ runs }, order, call) =>
  runs.completeStep({ ...order, ...outputOf(call) }),
);
/** FailStep. */
export const fail = command(({ runs }, order) => runs.failStep(order));
