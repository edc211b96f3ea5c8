/**
 * The RPCs of Workflows about drafts: GetDraft, SaveDraft, DiscardDraft and PublishDraft.
 * Boundary: requests and answers; a text is read in a thread of its own (source-reader.ts).
 */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type DiscardDraftRequest,
  DiscardDraftRequestSchema,
  type GetDraftRequest,
  GetDraftRequestSchema,
  type PublishDraftRequest,
  PublishDraftRequestSchema,
  type SaveDraftRequest,
  SaveDraftRequestSchema,
  SourceFormat,
} from "../../../gen/workflows/ops/v1/workflow_changes_pb.ts";
import { ENVIRONMENT_FORM, isEnvironment, PRODUCTION } from "../../engine/values/environment.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { draftMismatch, readSavedId } from "../../runtime/workflow-drafts.ts";
import type { DefinitionRow } from "../../store/reads/definitions.ts";
import { type DraftRow, findDraft } from "../../store/reads/drafts.ts";
import { toDefinitionMessage } from "../../wire/definitions.ts";
import { placeOfDeploy, recordedActor, refuseAgent } from "./actor.ts";
import { requireDefinition } from "./definitions.ts";
import { requireDeployer } from "./deployer.ts";
import { withDraftWarnings } from "./draft-warnings.ts";
import { checkFields } from "./fields.ts";
import type { ReadSource } from "./read-source.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";
import {
  headOf,
  OUTCOMES,
  ofText,
  requireWorkflow,
  stepKindsOf,
  worstCaseMessage,
} from "./sources.ts";
import { draftHeadMessage } from "./workflow-message.ts";

const FORMATS = { yaml: SourceFormat.YAML, json: SourceFormat.JSON };

/** GetDraft. */
export function getDraftWith(sources: SourceReader) {
  return async (deps: ReadDeps, request: GetDraftRequest) => {
    const { definitionId } = request;
    const faults = checkFields(GetDraftRequestSchema, request);
    faults.require("definition_id", definitionId);
    faults.refuseIfAny();
    const definition = await requireDefinition(deps, definitionId);
    const { latestVersion } = definition;
    const row = await findDraft(deps.database.callers, deps.visibility, definitionId);
    if (row === undefined) return { latestVersion };
    const read = await readDraft(sources, definition, row.sourceText);
    const warned = await withDraftWarnings(deps, definition, read);
    return { ...readMessage(warned), draft: draftMessage(row), latestVersion };
  };
}

/** SaveDraft: a text with faults is stored as well. */
export function saveDraftWith(sources: SourceReader) {
  return async (deps: WriteDeps, request: SaveDraftRequest) => {
    const { definitionId, sourceText, layout, etag, autosave, reason } = request;
    const definition = await requireNamed(deps, request);
    const read = await readDraft(sources, definition, sourceText);
    const savedBy = recordedActor(deps) ?? "";
    const text = { sourceText, layout, format: formatOf(request), faultCount: read.faultCount };
    const row = await deps.write.workflows.saveDraft({
      ...{ definitionId, etag, savedBy, reason, isAutosave: autosave },
      ...text,
    });
    const warned = await withDraftWarnings(deps, definition, read);
    return { ...readMessage(warned), draft: draftHeadMessage(row) };
  };
}

/** As saveDraftWith, of a save that is committed: the draft may be another one by now. */
export function savedDraftWith(sources: SourceReader) {
  return async (deps: ReadDeps, request: SaveDraftRequest, madeId: string) => {
    const definition = await requireNamed(deps, request);
    const read = await readDraft(sources, definition, request.sourceText);
    const row = await findDraft(deps.database.callers, deps.visibility, definition.id);
    const etag = readSavedId(madeId);
    const saved =
      row?.etag === etag ? draftHeadMessage(row) : { etag, faultCount: read.faultCount };
    const warned = await withDraftWarnings(deps, definition, read);
    return { ...readMessage(warned), draft: saved };
  };
}

/** DiscardDraft. */
export async function answerDiscardDraft(deps: WriteDeps, request: DiscardDraftRequest) {
  const { definitionId, etag, reason } = request;
  const faults = checkFields(DiscardDraftRequestSchema, request);
  faults.require("definition_id", definitionId);
  faults.require("etag", etag);
  faults.refuseIfAny();
  const by = recordedActor(deps) ?? "";
  await deps.write.workflows.discardDraft({ definitionId, etag, by, reason });
  return {};
}

/** PublishDraft. */
export function publishDraftWith(sources: SourceReader) {
  return async (deps: WriteDeps, request: PublishDraftRequest) => {
    const { definitionId, etag, note } = request;
    const faults = checkFields(PublishDraftRequestSchema, request);
    faults.require("definition_id", definitionId);
    faults.require("etag", etag);
    const deployTo = placeOfDeploy(deps, { field: "deploy_to", value: request.deployTo }, faults);
    if (deployTo !== "" && !isEnvironment(deployTo)) faults.add("deploy_to", ENVIRONMENT_FORM);
    faults.refuseIfAny();
    refuseAgent(deps.caller, "an agent deploys nothing");
    requireDeployer(deps, deployTo);
    const definition = await requireDefinition(deps, definitionId);
    const row = await findDraft(deps.database.callers, deps.visibility, definitionId);
    if (row?.etag !== etag) throw draftMismatch(definitionId, etag, row);
    const { sourceText } = row;
    const read = requireWorkflow(await readDraft(sources, definition, sourceText));
    const { inputSchema, digest, nameAt: _, ...described } = read;
    const publishedBy = recordedActor(deps) ?? "";
    const source = { sourceText, layout: layoutOf(row), inputSchema, note, publishedBy };
    const published = await deps.write.workflows.publishDraft(
      { definitionId, etag },
      { ...described, workspaceId: definition.workspaceId, digest, source },
      deployTo || PRODUCTION,
    );
    return {
      definition: toDefinitionMessage(published.definition),
      version: await headOf(deps, published.version.id),
      outcome: OUTCOMES[published.outcome],
      digest,
    };
  };
}

/** What the text of a draft says, read as a text of its workflow: it has the workflow's name. */
export async function readDraft(
  sources: SourceReader,
  { workspaceId, name }: Pick<DefinitionRow, "workspaceId" | "name">,
  sourceText: string,
): Promise<ReadSource> {
  const read = await sources.read(workspaceId, sourceText);
  const { workflow } = read;
  if (workflow === undefined || workflow.name === name) return read;
  const message = `this is the draft of workflow "${name}"; Update renames a workflow`;
  return { faults: [{ ...workflow.nameAt, message }], faultCount: 1, warnings: [] };
}

/** The fields of an answer that say what was read. */
export function readMessage({ workflow, faults, faultCount, warnings }: ReadSource) {
  return {
    faults: faults.map(ofText),
    faultCount,
    warnings: warnings.map(ofText),
    digest: workflow?.digest ?? "",
    stepKinds: stepKindsOf(workflow?.spec.steps ?? []),
    ...(workflow === undefined ? {} : { worstCase: worstCaseMessage(workflow.spec) }),
  };
}

/** How a text is written; where the request does not say, one that begins with `{` is JSON. */
export function formatOf({
  format,
  sourceText,
}: Pick<SaveDraftRequest, "format" | "sourceText">): DraftRow["format"] {
  if (format !== SourceFormat.UNSPECIFIED) return format === SourceFormat.JSON ? "json" : "yaml";
  return sourceText.trimStart().startsWith("{") ? "json" : "yaml";
}

async function requireNamed(deps: ReadDeps, request: SaveDraftRequest): Promise<DefinitionRow> {
  const faults = checkFields(SaveDraftRequestSchema, request);
  faults.require("definition_id", request.definitionId);
  faults.refuseIfAny();
  return requireDefinition(deps, request.definitionId);
}

function draftMessage(row: DraftRow) {
  const { definitionId, etag, sourceText, savedBy, savedAt, baseVersion, format } = row;
  const layout = layoutOf(row);
  return {
    ...{ definitionId, etag, sourceText, savedBy, baseVersion },
    format: FORMATS[format],
    savedAt: timestampFromDate(savedAt),
    ...(layout === undefined ? {} : { layout }),
  };
}

function layoutOf({ layoutJson }: DraftRow): JsonObject | undefined {
  return layoutJson === null ? undefined : JSON.parse(layoutJson);
}
