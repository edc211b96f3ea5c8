/** `workflows environments`: what deployments to the environments of a workspace need. */
import { create, toJson } from "@bufbuild/protobuf";
import {
  type DeployPolicy,
  DeployPolicySchema,
  type DeployRule,
  DeployRuleSchema,
} from "../../gen/workflows/ops/v1/deployments_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import type { Output } from "./output.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

const CHANGES = ["approvers", "withoutApproval", "simulated", "notSimulated", "ranIn", "remove"];

/** Prints the policy, as it is or as it was changed. */
export async function run(call: Call): Promise<number> {
  const [action = "", environment] = call.args;
  if (action !== "policy") {
    throw usageFault(`"${action}" is no action: workflows environments policy [ENVIRONMENT]`);
  }
  const isChange = CHANGES.some((name) => call.options[name] !== undefined);
  if (isChange && environment === undefined) {
    throw usageFault("name the environment: workflows environments policy production ...");
  }
  const { sources, settings } = connectService(
    await readSettings(call.options),
    textOption(call, "key"),
  );
  const workspaceId = settings.workspace;
  const { policy: stored } = await sources.getDeployPolicy({ workspaceId });
  const { policy } =
    isChange && environment !== undefined
      ? await sources.putDeployPolicy({
          ...{ workspaceId, etag: stored?.etag ?? "", reason: textOption(call, "reason") ?? "" },
          rules: changedRules(stored?.rules ?? [], environment, call),
        })
      : { policy: stored };
  if (policy === undefined)
    throw new CliFailure("the service answers without a policy", EXIT.failed);
  show(policy, isChange ? undefined : environment, call.out);
  return EXIT.done;
}

/** The rules with that of one environment changed; the others as they are. */
function changedRules(rules: readonly DeployRule[], environment: string, call: Call): DeployRule[] {
  const others = rules.filter((rule) => rule.environment !== environment);
  if (flagOption(call, "remove")) return others;
  const stored = rules.find((each) => each.environment === environment);
  const rule = stored ?? create(DeployRuleSchema, { environment });
  const approvers = textOption(call, "approvers");
  if (approvers !== undefined) {
    rule.approvers = namesOf(approvers);
    rule.noApproval = false;
  }
  if (flagOption(call, "withoutApproval")) {
    rule.noApproval = true;
    rule.approvers = [];
  }
  if (flagOption(call, "simulated")) rule.requiresSimulation = true;
  if (flagOption(call, "notSimulated")) rule.requiresSimulation = false;
  rule.ranIn = textOption(call, "ranIn") ?? rule.ranIn;
  return [...others, rule];
}

function namesOf(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ""))];
}

function show(policy: DeployPolicy, environment: string | undefined, out: Output): void {
  const rules = policy.rules.filter(
    (rule) => environment === undefined || rule.environment === environment,
  );
  if (out.json) {
    const shown = create(DeployPolicySchema, { ...policy, rules });
    out.object(toJson(DeployPolicySchema, shown, { useProtoFieldName: true }) as Json);
  } else if (out.quiet) for (const rule of rules) out.line(rule.environment);
  else {
    out.table(["ENVIRONMENT", "APPROVERS", "SIMULATED", "RAN IN"], rules.map(rowOf));
    if (rules.length === 0) out.talk("deployments need nothing");
  }
}

function rowOf({ environment, approvers, noApproval, requiresSimulation, ranIn }: DeployRule) {
  const who = noApproval ? "-" : approvers.join(", ") || "everybody who decides";
  return [environment, who, requiresSimulation ? "yes" : "-", ranIn || "-"];
}
