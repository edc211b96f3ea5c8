/**
 * Templates that workspaces keep: saved and deleted.
 * Boundary: what a template holds was checked by the caller; rows are store/templates.ts.
 * Invariant: a template is replaced only by who names its etag. The templates of a workspace are locked meanwhile, so of two at once one does it.
 */
import { randomBytes } from "node:crypto";
import type { JsonObject } from "../engine/values/json.ts";
import { Refusal } from "../process/refusal.ts";
import type { Tx } from "../store/database.ts";
import { findTemplate, type TemplateRow } from "../store/reads/templates.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { readClock } from "../store/service-reads/clock.ts";
import {
  countTemplates,
  deleteTemplate,
  lockTemplates,
  type NewTemplate,
  putTemplate,
  type TemplateKey,
} from "../store/templates.ts";
import { commitWithEvents, type DefinitionDeps } from "./definitions.ts";

/** A template to save; `etag` is that of the one that was read, "" where there is none. */
export type TemplateSave = NewTemplate;

/** What happens to templates: `workflows.changes.template.<operation>`. */
export const TEMPLATE_OPERATIONS = ["saved", "deleted"] as const;

/** Of a workspace: a list shows all of them. */
const TEMPLATES_AT_MOST = 100;
const ETAG_BYTES = 8;

/** Saves a template. Refuses already_exists, etag_mismatch, and illegal_move where the workspace has too many. */
export function saveTemplate(deps: DefinitionDeps, save: TemplateSave): Promise<TemplateRow> {
  const { workspaceId, id } = save;
  return commitWithEvents(deps, async (tx) => {
    await lockTemplates(tx, workspaceId);
    const before = await requireEtag(tx, save);
    if (before === undefined && (await countTemplates(tx, workspaceId)) >= TEMPLATES_AT_MOST) {
      const words = `the workspace has ${TEMPLATES_AT_MOST} templates, which is the limit: delete one first`;
      throw new Refusal("illegal_move", words);
    }
    await putTemplate(tx, { ...save, etag: randomBytes(ETAG_BYTES).toString("hex") });
    const row = await findTemplate(tx, EVERY_WORKSPACE, save);
    if (row === undefined) throw new Error(`template ${id} is not stored`);
    const events = [templateEvent(row, "saved", row.savedAt, { ...row, by: row.savedBy })];
    return { row, madeId: id, definitionId: id, events };
  });
}

/** Deletes a template; an `etag` of "" takes whatever there is. Refuses not_found and etag_mismatch. */
export function removeTemplate(
  deps: DefinitionDeps,
  named: TemplateKey & { readonly etag: string; readonly by: string; readonly reason: string },
): Promise<string> {
  const { workspaceId, id, etag } = named;
  return commitWithEvents(deps, async (tx) => {
    await lockTemplates(tx, workspaceId);
    const before = await findTemplate(tx, EVERY_WORKSPACE, named);
    if (before === undefined) throw unknownTemplate(id);
    if (etag !== "" && etag !== before.etag) throw mismatch(id, etag, before);
    await deleteTemplate(tx, named);
    const events = [templateEvent(before, "deleted", await readClock(tx), named)];
    return { row: id, madeId: id, definitionId: id, events };
  });
}

function templateEvent(
  { workspaceId, id, revision, title, category, etag }: TemplateRow,
  operation: (typeof TEMPLATE_OPERATIONS)[number],
  at: Date,
  { by, reason }: { readonly by: string; readonly reason: string },
): JsonObject {
  return {
    ...{ id: `${workspaceId}-${id}-${operation}-${etag}`, workspaceId, operation },
    type: `workflows.changes.template.${operation}`,
    ...{ aggregateId: id, aggregateType: "template", recordedAt: at.toISOString() },
    payload: { id, workspace_id: workspaceId, version: revision, title, category, by, reason },
  };
}

/** The refusal for a template that is not there. */
export function unknownTemplate(id: string): Refusal {
  const resource = { type: "template", name: id };
  return new Refusal("not_found", `there is no template ${id}`, { resource });
}

async function requireEtag(
  tx: Tx,
  { workspaceId, id, etag }: TemplateSave,
): Promise<TemplateRow | undefined> {
  const before = await findTemplate(tx, EVERY_WORKSPACE, { workspaceId, id });
  if (etag === (before?.etag ?? "")) return before;
  if (etag !== "") throw mismatch(id, etag, before);
  const resource = { type: "template", name: id };
  const message = `the workspace has a template ${id}: name its etag to replace it, or take another id`;
  throw new Refusal("already_exists", message, { resource });
}

function mismatch(id: string, sent: string, before: TemplateRow | undefined): Refusal {
  const message =
    before === undefined
      ? `the template with etag "${sent}" is gone: it was deleted`
      : `the template has etag "${before.etag}", not "${sent}": read it again`;
  const resource = { type: "template", name: id };
  return new Refusal("etag_mismatch", message, {
    ...{ resource, etags: { sent, stored: before?.etag ?? "" } },
  });
}
