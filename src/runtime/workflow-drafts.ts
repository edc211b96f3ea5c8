/**
 * Drafts: what somebody works on, and its publishing.
 * Boundary: the text was read by the caller; how a version is made is publish-source.ts, rows are store/workflow-drafts.ts.
 * Invariants:
 * 1. A draft is replaced, deleted or published only by who names its etag. The definition is locked meanwhile, so of two at once one
 *    does it.
 * 2. A draft is deleted in the transaction in which its version is made.
 */
import { randomBytes } from "node:crypto";
import { Refusal } from "../process/refusal.ts";
import type { Tx } from "../store/database.ts";
import { type DefinitionRow, findDefinition } from "../store/reads/definitions.ts";
import type { DraftRow } from "../store/reads/drafts.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { readClock } from "../store/service-reads/clock.ts";
import {
  type DraftMark,
  deleteDraft,
  findDraftMark,
  type NewDraft,
  saveDraft as storeDraft,
} from "../store/workflow-drafts.ts";
import { workflowEvent } from "./definition-events.ts";
import { checkedSpec, commitWithEvents, type DefinitionDeps, lockSeen } from "./definitions.ts";
import {
  findRepeatable,
  publishTo,
  type SourcePublication,
  type SourcePublished,
} from "./publish-source.ts";

/** Which draft is meant; a `workspaceId` of "" takes any workspace's. */
export interface DraftName {
  readonly definitionId: string;
  readonly workspaceId: string;
  /** "": there is none. */
  readonly etag: string;
}

/** A draft to delete, who does it and why. */
export interface DraftDiscard extends DraftName {
  readonly by: string;
  readonly reason: string;
}

/** A text to save. */
export interface DraftSave extends DraftName, Omit<NewDraft, "etag" | "baseVersion"> {
  readonly isAutosave: boolean;
  readonly reason: string;
}

/** Saves by one person with no more than this between two are one session of edits. */
const SESSION_MS = 10 * 60_000;
const ETAG_BYTES = 8;

/** Saves a draft. Refuses not_found and etag_mismatch. */
export function saveDraft(
  deps: DefinitionDeps,
  { definitionId, workspaceId, etag, isAutosave, reason, ...text }: DraftSave,
): Promise<DraftRow> {
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    const before = await requireEtag(tx, definitionId, etag);
    const row = await insertDraft(tx, definition, text, before);
    const isEvent = !isAutosave || beginsSession(before, text.savedBy);
    const operation = isAutosave ? "edited" : "draft_saved";
    const change = { of: row.etag, at: row.savedAt, by: text.savedBy, reason } as const;
    const events = isEvent ? [workflowEvent(definition, { ...change, operation })] : [];
    return { row, madeId: `${definitionId} ${row.etag}`, definitionId, events };
  });
}

/** The etag of the draft that a caller's key stands for. */
export function readSavedId(madeId: string): string {
  return madeId.split(" ")[1] ?? "";
}

/** Stores the draft of a definition that is locked. */
export function insertDraft(
  tx: Tx,
  { id, latestVersion }: DefinitionRow,
  text: Omit<NewDraft, "etag" | "baseVersion">,
  before?: DraftMark,
): Promise<DraftRow> {
  const etag = randomBytes(ETAG_BYTES).toString("hex");
  return storeDraft(tx, id, { ...text, etag, baseVersion: before?.baseVersion ?? latestVersion });
}

/** Deletes a draft. Refuses not_found and etag_mismatch. */
export function discardDraft(
  deps: DefinitionDeps,
  { definitionId, workspaceId, etag, by, reason }: DraftDiscard,
): Promise<string> {
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    await requireEtag(tx, definitionId, etag);
    await deleteDraft(tx, definitionId);
    const at = await readClock(tx);
    const change = { operation: "draft_discarded", of: etag, at, by, reason } as const;
    const events = [workflowEvent(definition, change)];
    return { row: definitionId, madeId: definitionId, definitionId, events };
  });
}

/** Publishes a draft as `publication` has read it. Refuses not_found, etag_mismatch, invalid_fields, archived, and lost_race as publishSource. */
export async function publishDraft(
  deps: DefinitionDeps,
  { definitionId, workspaceId, etag }: DraftName,
  { spec: written, digest, source, name, mustRepeat = false }: SourcePublication,
  deployTo: string,
): Promise<SourcePublished> {
  const spec = await checkedSpec(written);
  const { callers } = deps.database;
  const known = await findDefinition(callers, EVERY_WORKSPACE, definitionId);
  const seen = known && (await findRepeatable(callers, known, deployTo));
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    await requireEtag(tx, definitionId, etag);
    if (definition.name !== name) {
      throw new Refusal("lost_race", "the workflow was renamed meanwhile; try again");
    }
    const content = {
      isNew: false,
      spec,
      digest,
      source,
      via: deps.via,
      seen,
      deployTo,
      mustRepeat,
    };
    const made = await publishTo(tx, definition, content);
    await deleteDraft(tx, definitionId);
    return made;
  });
}

async function requireEtag(
  tx: Tx,
  definitionId: string,
  sent: string,
): Promise<DraftMark | undefined> {
  const mark = await findDraftMark(tx, definitionId);
  const stored = mark?.etag ?? "";
  if (stored === sent) return mark;
  throw draftMismatch(definitionId, sent, mark);
}

/** The refusal of who works on another draft than the one that is stored. */
export function draftMismatch(
  definitionId: string,
  sent: string,
  mark: Pick<DraftMark, "etag" | "savedBy" | "savedAt"> | undefined,
): Refusal {
  const by = mark?.savedBy ? ` by ${mark.savedBy}` : "";
  const message =
    mark === undefined
      ? `the draft with etag "${sent}" is gone: it was published or discarded`
      : `the draft was saved${by} at ${mark.savedAt.toISOString()} and has etag "${mark.etag}", not "${sent}": read it again`;
  const resource = { type: "draft", name: definitionId };
  return new Refusal("etag_mismatch", message, {
    ...{ resource, etags: { sent, stored: mark?.etag ?? "" } },
  });
}

function beginsSession(before: DraftMark | undefined, savedBy: string): boolean {
  return before?.savedBy !== savedBy || before.ageMs > SESSION_MS;
}
