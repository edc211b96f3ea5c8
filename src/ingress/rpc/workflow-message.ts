/**
 * workflows.ops.v1.Workflow, VersionHead and DraftHead of rows.
 * Boundary: messages and what they take of an answer; the status is decided by engine/values/workflow-status.ts.
 */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { WorkflowStatus } from "../../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { CONTAINS } from "../../engine/steps/contains.ts";
import { jsonSizeBytes } from "../../engine/values/json.ts";
import { HIGH_FAILURE_RATE, workflowStatus } from "../../engine/values/workflow-status.ts";
import { Refusal } from "../../process/refusal.ts";
import { findVersionHead, type VersionHeadRow } from "../../store/reads/version-sources.ts";
import {
  type DraftHeadRow,
  findWorkflow,
  type WorkflowRow,
} from "../../store/reads/workflow-lists.ts";
import { TRIGGER_TYPE_NUMBERS, toDefinitionMessage } from "../../wire/definitions.ts";
import { unknownDefinition } from "./definitions.ts";
import type { ReadDeps } from "./service-deps.ts";
import { factsOf, type StatusCauses } from "./workflow-facts.ts";

// What a workflow, the head of its version and that of its draft take of an answer, but for texts of people.
const WORKFLOW_BYTES = 400;
const HEAD_BYTES = 600;
const DRAFT_BYTES = 200;

/** A workflow that is stored, as a message. Refuses not_found. */
export async function readWorkflow(deps: ReadDeps, id: string) {
  const row = await findWorkflow(deps.database.callers, deps.visibility, id);
  if (row === undefined) throw unknownDefinition(id);
  const known = (await factsOf(deps, [row.definition]))(row.definition);
  return { ...workflowMessage(row, known.status), ...known.fields };
}

/** workflows.ops.v1.Workflow */
export function workflowMessage(
  { definition, latest, details, draft, contains }: WorkflowRow,
  more: StatusCauses = {},
) {
  const { owner, team, archivedAt, revision } = details;
  const { status, reasons } = workflowStatus({
    ...(archivedAt === null ? {} : { archivedAt }),
    deployedVersion: definition.latestVersion,
    hasDraft: draft !== null,
    ...more,
  });
  return {
    definition: toDefinitionMessage(definition),
    ...(latest === null ? {} : { latest: headMessage(latest) }),
    status: WorkflowStatus[status],
    statusReasons: [...reasons],
    ...{ owner, team, contains: containsMessage(contains) },
    highFailureRate: details.highFailureRate ?? HIGH_FAILURE_RATE,
    announcesStarts: details.announcesStarts,
    ...(archivedAt === null ? {} : { archivedAt: timestampFromDate(archivedAt) }),
    etag: String(revision),
    ...(draft === null ? {} : { draft: draftHeadMessage(draft) }),
  };
}

/** workflows.ops.v1.DraftHead */
export function draftHeadMessage({ etag, savedBy, savedAt, faultCount }: DraftHeadRow) {
  return { etag, savedBy, savedAt: timestampFromDate(savedAt), faultCount };
}

function containsMessage(flags: number) {
  const has = (flag: number) => (flags & flag) !== 0;
  const { agent, mcp, skill, approval } = CONTAINS;
  return { agent: has(agent), mcp: has(mcp), skill: has(skill), approval: has(approval) };
}

/** The head of a version that is stored. */
export async function requireHead(deps: ReadDeps, versionId: string): Promise<VersionHeadRow> {
  const head = await findVersionHead(deps.database.callers, deps.visibility, versionId);
  if (head === undefined) throw new Error(`version ${versionId} is not stored`);
  return head;
}

/** workflows.ops.v1.VersionHead */
export function headMessage({
  createdAt,
  triggerType,
  note,
  publishedBy,
  publishedVia,
  ...head
}: VersionHeadRow) {
  return {
    ...head,
    triggerType: TRIGGER_TYPE_NUMBERS[triggerType],
    createdAt: timestampFromDate(createdAt),
    note: note ?? "",
    publishedBy: publishedBy ?? "",
    publishedVia: publishedVia ?? "",
  };
}

/** What a workflow takes of an answer beside its definition. */
export function workflowBytes({ latest, details, draft }: WorkflowRow): number {
  const ofHead = [latest?.author, latest?.note, latest?.publishedBy];
  const texts = [...ofHead, details.owner, details.team, draft?.savedBy];
  const heads = (latest === null ? 0 : HEAD_BYTES) + (draft === null ? 0 : DRAFT_BYTES);
  return texts.reduce((sum, text) => sum + jsonSizeBytes(text ?? ""), WORKFLOW_BYTES + heads);
}

/** The refusal for a version that is unknown. */
export function unknownVersion(definitionId: string, number: number): Refusal {
  const resource = { type: "version", name: `${definitionId}/${number}` };
  const which = number === 0 ? "no published version" : `no version ${number}`;
  return new Refusal("not_found", `definition ${definitionId} has ${which}`, { resource });
}

/** The refusal for a workflow without a draft. */
export function noDraft(definitionId: string): Refusal {
  const resource = { type: "draft", name: definitionId };
  return new Refusal("not_found", `definition ${definitionId} has no draft`, { resource });
}
