/**
 * Workflows of a workspace as the service stores them, and as entities.
 * Boundary: reads, and the calls that a verb consists of; which verb is legal and who is asked before is verbs.ts.
 */
import { SourceFormat } from "../../gen/workflows/ops/v1/workflow_changes_pb.ts";
import type { Workflow } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowsClient } from "../client/client.ts";
import type { IteratorOptions } from "../client/lists.ts";
import { fieldOfPath, NO_CONTENT, type ReadContent, readContent } from "./compile/content.ts";
import {
  type NewWorkflow,
  summaryOf,
  type WorkflowChanges,
  type WorkflowEntity,
} from "./entity.ts";
import { notFound, refusedFields } from "./refusals.ts";

/** Whose workflows, and how they are reached. */
export interface Store {
  readonly client: WorkflowsClient;
  readonly workspaceId: string;
}

/** Of each verb. */
export interface VerbOptions extends IteratorOptions {
  /** Why; kept in the event. */
  readonly reason?: string;
}

/** A workflow as it was read. */
export interface Loaded {
  readonly entity: WorkflowEntity;
  /** Of the workflow. */
  readonly etag: string;
  /** Of the draft; undefined: there is none. */
  readonly draftEtag: string | undefined;
  /** The version in production; before there is one, the newest version; 0: none is published. */
  readonly newest: number;
  /** Whether other content can take the place of this one without a loss. */
  readonly isReplaceable: boolean;
}

const NONE: ReadContent = { content: NO_CONTENT, isCompiled: true };

/**
 * Reads a workflow with its content: until it is activated that of the draft, or else of the newest version, which runs elsewhere; then
 * that of the version in production.
 */
export async function load(
  store: Store,
  id: string,
  options?: IteratorOptions,
  isNext = false,
): Promise<Loaded> {
  const { workflow } = await store.client.sources.get({ id }, options);
  const isOthers = workflow?.definition?.workspaceId !== store.workspaceId;
  if (workflow === undefined || isOthers) throw notFound(id);
  return withContent(store, workflow, options, isNext);
}

/** Reads the content of a workflow that a list gave; with `isNext` that of the draft which `activate` would publish, if there is one. */
export async function withContent(
  { client }: Store,
  workflow: Workflow,
  options?: IteratorOptions,
  isNext = false,
): Promise<Loaded> {
  const summary = summaryOf(workflow);
  const { $id: definitionId, version, status } = summary;
  const isWanted = version === 0 || (isNext && status !== "Paused");
  const isDrafted = workflow.draft !== undefined && isWanted;
  const newest = version || isDrafted ? version : await newestOf(client, definitionId, options);
  const wanted = { definitionId, version: newest };
  const { content, isCompiled } = isDrafted
    ? readText((await client.sources.getDraft({ definitionId }, options)).draft?.sourceText)
    : newest > 0
      ? readText((await client.sources.getVersion(wanted, options)).sourceText)
      : NONE;
  return {
    entity: { ...summary, ...content },
    etag: workflow.etag,
    draftEtag: workflow.draft?.etag,
    newest,
    isReplaceable: isCompiled,
  };
}

async function newestOf(
  { sources }: WorkflowsClient,
  definitionId: string,
  options?: IteratorOptions,
): Promise<number> {
  const { versions } = await sources.listVersionHeads({ definitionId, pageSize: 1 }, options);
  return versions[0]?.version ?? 0;
}

function readText(sourceText = ""): ReadContent {
  return sourceText === "" ? { ...NONE, isCompiled: false } : readContent(sourceText);
}

/** Refuses a file that the service could not publish, in the entity's words. */
export async function requireSound(
  { client }: Store,
  call: string,
  sourceText: string,
): Promise<void> {
  const { faults } = await client.sources.checkVersion({ sourceText });
  if (faults.length === 0) return;
  const fields = faults.map(({ path, description }) => ({ field: fieldOfPath(path), description }));
  throw refusedFields(call, fields);
}

/** Makes a workflow with a draft; gives its id. */
export async function createDraft(
  { client, workspaceId }: Store,
  { name, description }: NewWorkflow,
  sourceText: string,
  { signal, reason = "" }: VerbOptions,
): Promise<string> {
  const request = { workspaceId, name, description: description ?? "", sourceText, reason };
  const { workflow } = await client.sources.create(request, { signal });
  return workflow?.definition?.id ?? "";
}

/** Changes the name and the description. */
export async function changeFacts(
  { client }: Store,
  { entity: { $id: definitionId }, etag }: Loaded,
  { name, description }: WorkflowChanges,
  { signal, reason = "" }: VerbOptions,
): Promise<void> {
  const updateMask = [
    ...(name === undefined ? [] : ["name"]),
    ...(description === undefined ? [] : ["description"]),
  ];
  if (updateMask.length === 0) return;
  const changes = { ...(name ? { name } : {}), description: description ?? "", updateMask };
  await client.sources.update({ definitionId, etag, reason, ...changes }, { signal });
}

/**
 * Puts a file in the place of the draft, or makes it the next version of a workflow that was activated. ABORTED: the draft, the version or
 * the name is another one than was read.
 */
export async function changeContent(
  { client, workspaceId }: Store,
  { entity, draftEtag: etag = "" }: Loaded,
  sourceText: string,
  { signal, reason = "" }: VerbOptions,
): Promise<void> {
  if (entity.version > 0) {
    const next = { definitionId: entity.$id, baseVersion: entity.version };
    await client.sources.publishSource(
      { workspaceId, sourceText, note: reason, ...next },
      inProduction(signal),
    );
    return;
  }
  const draft = { sourceText, etag, reason, format: SourceFormat.JSON };
  await client.sources.saveDraft({ definitionId: entity.$id, ...draft }, { signal });
}

/** Lets it start runs in production: ends a pause, publishes the draft, or deploys the newest version. */
export async function activate(
  { client }: Store,
  { entity, draftEtag: etag, newest }: Loaded,
  { signal, reason = "" }: VerbOptions,
): Promise<void> {
  const { $id: definitionId, status, version } = entity;
  if (status === "Paused") await client.sources.resume({ definitionId, reason }, { signal });
  if (status === "Paused" && version > 0) return;
  if (etag !== undefined) {
    const draft = { definitionId, etag, note: reason, deployTo: PRODUCTION };
    await client.sources.publishDraft(draft, inProduction(signal));
  } else if (version === 0) {
    const order = { definitionId, environment: PRODUCTION, version: newest, reason };
    await client.sources.deploy(order, inProduction(signal));
  }
}

const PRODUCTION = "production";

/** Whatever environment the client names for what it starts. */
export function inProduction(signal: AbortSignal | undefined) {
  return { signal, headers: { "Workflows-Environment": PRODUCTION } };
}
