/** `workflows rerun`: the plan first; then, once it is confirmed, a new run that reuses what the run completed. */
import { toJson } from "@bufbuild/protobuf";
import {
  PlanAct,
  PlanReason,
  type PlanStep,
  type RerunPlan,
  RerunPlanSchema,
} from "../../gen/workflows/ops/v1/reruns_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { confirm } from "./confirm.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { readJsonObject } from "./json-option.ts";
import { readCount } from "./numbers.ts";
import type { Output } from "./output.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf, printRun } from "./show-run.ts";

const WHY: Readonly<Record<number, string>> = {
  [PlanReason.ASKED]: "--from names it",
  [PlanReason.INPUT]: "the input is another one",
  [PlanReason.CHANGED]: "the version has another one",
  [PlanReason.UNDONE]: "it was undone",
  [PlanReason.NOT_COMPLETED]: "it was not completed",
  [PlanReason.NO_SUCCESS]: "it did not succeed",
  [PlanReason.DOWNSTREAM]: "a step before it runs",
  [PlanReason.WHOLE]: "its parallel runs as a whole",
};

/** Prints the plan and the new run. */
export async function run(call: Call): Promise<number> {
  const { options, args, out } = call;
  const reason = textOption(call, "reason") ?? "";
  const isDry = flagOption(call, "dryRun");
  const isConfirmed = flagOption(call, "yes");
  if (!isDry && reason === "") {
    throw usageFault("--reason is required: the history has it; --dry-run shows the plan without");
  }
  if (!isDry && !isConfirmed && !process.stdin.isTTY) {
    throw usageFault(
      "the plan cannot be confirmed without a terminal: --yes does, --dry-run only shows it",
    );
  }
  // No key of the caller's: a repeat would plan anew, of a run that was rerun.
  const service = connectService(await readSettings(options));
  const input = readJsonObject(call, "input", "inputFile");
  const wish = {
    ...{ runId: args[0] ?? "", fromStepId: textOption(call, "from") ?? "" },
    ...{ version: readCount(call, "version") ?? 0 },
    ...(input === undefined ? {} : { input }),
  };
  const { plan } = await service.runs.planRerun(wish);
  if (plan === undefined) throw new CliFailure("the service answers without a plan", EXIT.failed);
  if (isDry || !out.json) printPlan(plan, isDry, out);
  if (isDry) return EXIT.done;
  if (!isConfirmed && !(await confirm("Rerun?"))) {
    out.talk("nothing was done");
    return EXIT.done;
  }
  const { run: made } = await service.runs.rerun({ ...wish, planId: plan.id, reason });
  if (made === undefined) throw new CliFailure("the service answers without a run", EXIT.failed);
  printRun(made, out);
  return EXIT.done;
}

/** A plan that is the answer is data, else talk. */
function printPlan(plan: RerunPlan, isAnswer: boolean, out: Output): void {
  if (!isAnswer) {
    out.talk(`rerun of ${plan.runId} by version ${plan.version}:`);
    for (const step of plan.steps) out.talk(`  ${rowOf(step).join("  ")}`.trimEnd());
  } else if (out.json) {
    out.object(toJson(RerunPlanSchema, plan, { useProtoFieldName: true }) as Json);
  } else if (out.quiet) {
    for (const { stepId, act } of plan.steps) if (act !== PlanAct.REUSE) out.line(stepId);
  } else out.table(["STEP", "ACT", "WHY"], plan.steps.map(rowOf));
}

function rowOf({ stepId, act, why, approvalVoid, undoStays }: PlanStep): string[] {
  const notes = [
    WHY[why] ?? "",
    approvalVoid ? "it asks for approval again" : "",
    undoStays ? "the older run undoes it" : "",
  ];
  const text = notes.filter((note) => note !== "").join(", ");
  return [stepId, nameOf(PlanAct, act).toLowerCase(), text];
}
