/** Workflows.GetDeployPolicy and PutDeployPolicy of workflows.ops.v1. Boundary: requests and answers. */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type DeployRule,
  type GetDeployPolicyRequest,
  GetDeployPolicyRequestSchema,
  type PutDeployPolicyRequest,
  PutDeployPolicyRequestSchema,
} from "../../../gen/workflows/ops/v1/deployments_pb.ts";
import { ENVIRONMENT_FORM, isEnvironment } from "../../engine/values/environment.ts";
import { etagOf } from "../../runtime/deploy-approvals.ts";
import { type DeployPolicyRow, findDeployPolicy } from "../../store/reads/deploy-policies.ts";
import { recordedActor, refuseAgent } from "./actor.ts";
import { checkFields, type Faults } from "./fields.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const RULES_AT_MOST = 32;
const APPROVERS_AT_MOST = 64;
const NAME = /^[\x21-\x7e]+$/;

/** GetDeployPolicy: without rules where none was put. */
export async function answerGetDeployPolicy(deps: ReadDeps, request: GetDeployPolicyRequest) {
  const faults = checkFields(GetDeployPolicyRequestSchema, request);
  faults.require("workspace_id", request.workspaceId);
  faults.refuseIfAny();
  return readDeployPolicy(deps, request);
}

/** The policy of a workspace as it stands now. */
export async function readDeployPolicy(deps: ReadDeps, { workspaceId }: { workspaceId: string }) {
  const row = await findDeployPolicy(deps.database.callers, deps.visibility, workspaceId);
  return { policy: row === undefined ? { workspaceId } : messageOf(row) };
}

/** PutDeployPolicy: all rules at once. */
export async function answerPutDeployPolicy(deps: WriteDeps, request: PutDeployPolicyRequest) {
  refuseAgent(deps.caller, "an agent says nothing about deployments");
  const { workspaceId, etag, reason } = request;
  const faults = checkFields(PutDeployPolicyRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  checkRules(request, faults);
  faults.refuseIfAny();
  const rules = request.rules.map(ruleOfMessage);
  const by = recordedActor(deps) ?? "";
  const row = await deps.write.putDeployPolicy({ workspaceId, rules, by, reason, etag });
  return { policy: messageOf(row) };
}

function checkRules({ rules }: PutDeployPolicyRequest, faults: Faults): void {
  if (rules.length > RULES_AT_MOST) faults.add("rules", `has more than ${RULES_AT_MOST}`);
  const named = new Set<string>();
  for (const [at, rule] of rules.entries()) {
    const { environment, approvers } = rule;
    const field = `rules[${at}]`;
    if (!isEnvironment(environment)) faults.add(`${field}.environment`, ENVIRONMENT_FORM);
    else if (named.has(environment)) faults.add(`${field}.environment`, "has a rule already");
    named.add(environment);
    checkNeeds(rule, field, faults);
    if (approvers.length > APPROVERS_AT_MOST) {
      faults.add(`${field}.approvers`, `has more than ${APPROVERS_AT_MOST}`);
    }
    for (const [place, name] of approvers.entries()) {
      if (!NAME.test(name))
        faults.add(`${field}.approvers[${place}]`, "must be visible ASCII characters");
    }
  }
}

function checkNeeds(rule: DeployRule, field: string, faults: Faults): void {
  const { environment, ranIn, approvers, noApproval, requiresSimulation } = rule;
  if (ranIn !== "" && !isEnvironment(ranIn)) faults.add(`${field}.ran_in`, ENVIRONMENT_FORM);
  if (ranIn !== "" && ranIn === environment) faults.add(`${field}.ran_in`, "is environment itself");
  if (!noApproval) return;
  if (approvers.length > 0) faults.add(`${field}.no_approval`, "is set, and approvers are named");
  if (!requiresSimulation && ranIn === "") {
    faults.add(`${field}.no_approval`, "leaves a rule that asks for nothing: leave the rule out");
  }
}

/** What is not needed is not stored: the etag of a policy that says no more than before stays as it was. */
function ruleOfMessage(rule: DeployRule) {
  const { environment, approvers, requiresSimulation, ranIn, noApproval } = rule;
  return {
    ...{ environment, approvers },
    ...(requiresSimulation ? { requiresSimulation } : {}),
    ...(ranIn === "" ? {} : { ranIn }),
    ...(noApproval ? { noApproval } : {}),
  };
}

function messageOf(row: DeployPolicyRow) {
  const { workspaceId, rules, updatedBy, updatedAt } = row;
  return {
    ...{ workspaceId, updatedBy, updatedAt: timestampFromDate(updatedAt), etag: etagOf(row) },
    rules: rules.map(({ approvers, ...rule }) => ({ ...rule, approvers: [...approvers] })),
  };
}
