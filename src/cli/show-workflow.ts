/** A workflow of the service for people and programs. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { type Workflow, WorkflowSchema } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { requireDefinition } from "./definitions.ts";
import { CliFailure, EXIT, findFailure } from "./failure.ts";
import type { Output } from "./output.ts";
import { timeText } from "./output.ts";
import type { Service } from "./service.ts";
import { nameOf } from "./show-run.ts";

/** Heads of workflowRow. */
export const WORKFLOW_HEAD = ["NAME", "STATUS", "VERSION", "OWNER", "TEAM", "UPDATED", "ID"];

/** A row of a table. */
export function workflowRow({ definition, status, owner, team, draft }: Workflow): string[] {
  const { id = "", name = "", latestVersion = 0, updatedAt } = definition ?? {};
  const version = latestVersion === 0 ? "" : String(latestVersion);
  const withDraft = draft === undefined ? version : `${version} +draft`.trim();
  const updated = timeText(updatedAt === undefined ? undefined : timestampDate(updatedAt));
  return [name, nameOf(WorkflowStatus, status), withDraft, owner, team, updated, id];
}

/** By the names of the contract. */
export function workflowJson(workflow: Workflow): Json {
  return toJson(WorkflowSchema, workflow, { useProtoFieldName: true }) as Json;
}

/** Prints one workflow. */
export function printWorkflow(workflow: Workflow, out: Output): void {
  if (out.json) out.object(workflowJson(workflow));
  else if (out.quiet) out.line(workflow.definition?.id ?? "");
  else out.table(WORKFLOW_HEAD, [workflowRow(workflow)]);
}

/** A workflow that the service answers with. */
export function requireShown(workflow: Workflow | undefined): Workflow {
  if (workflow !== undefined) return workflow;
  throw new CliFailure("the service answers without a workflow", EXIT.failed);
}

/** The workflow of an id or a name. */
export async function readWorkflow(service: Service, reference: string): Promise<Workflow> {
  const { workspace: workspaceId } = service.settings;
  const named = reference.startsWith("wf_") ? { id: reference } : { workspaceId, name: reference };
  try {
    return requireShown((await service.sources.get(named)).workflow);
  } catch (error) {
    // It says which name is near.
    if (findFailure(error)?.exitCode === EXIT.notFound) await requireDefinition(service, reference);
    throw error;
  }
}

/** Its id; a name is looked up. */
export async function idOf(service: Service, reference: string): Promise<string> {
  if (reference.startsWith("wf_")) return reference;
  return (await readWorkflow(service, reference)).definition?.id ?? "";
}
