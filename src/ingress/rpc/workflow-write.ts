/**
 * The part of Write that changes workflows, their drafts, and templates. Boundary: as write.ts.
 * Each change resolves after its commit and rejects with a Refusal: not_found for a definition that the call does not see.
 */

import type { DefinitionDeps } from "../../runtime/definitions.ts";
import type { SourcePublication, SourcePublished } from "../../runtime/publish-source.ts";
import {
  type DraftDiscard,
  type DraftName,
  type DraftSave,
  discardDraft,
  publishDraft,
  saveDraft,
} from "../../runtime/workflow-drafts.ts";
import {
  archiveWorkflow,
  createWorkflow,
  deleteWorkflow,
  type NewWorkflow,
  unarchiveWorkflow,
  updateWorkflow,
  type WorkflowOrder,
  type WorkflowUpdate,
} from "../../runtime/workflows.ts";
import {
  removeTemplate,
  saveTemplate,
  type TemplateSave,
} from "../../runtime/workspace-templates.ts";
import type { TemplateRow } from "../../store/reads/templates.ts";
import { onlySeen, sees, type Visibility } from "../../store/reads/visibility.ts";
import type { BeforeVerbs } from "./before-verbs.ts";

type Seen<T> = Omit<T, "workspaceId">;
type SavedDraft = Awaited<ReturnType<typeof saveDraft>>;

/** The changes; those of a workflow give its id. */
export interface WorkflowWrite {
  create(wanted: NewWorkflow): Promise<string>;
  update(
    order: Seen<WorkflowOrder> & { readonly etag: string },
    to: WorkflowUpdate,
  ): Promise<string>;
  archive(order: Seen<WorkflowOrder>): Promise<string>;
  unarchive(order: Seen<WorkflowOrder>): Promise<string>;
  delete(order: Seen<WorkflowOrder>): Promise<string>;
  saveDraft(save: Seen<DraftSave>): Promise<SavedDraft>;
  discardDraft(discard: Seen<DraftDiscard>): Promise<string>;
  publishDraft(
    name: Seen<DraftName>,
    publication: SourcePublication,
    deployTo: string,
  ): Promise<SourcePublished>;
  saveTemplate(save: TemplateSave): Promise<TemplateRow>;
  deleteTemplate(named: Parameters<typeof removeTemplate>[1]): Promise<string>;
}

/** The changes of one call. */
export function createWorkflowWrite(
  deps: DefinitionDeps,
  visibility: Visibility,
  before: BeforeVerbs,
): WorkflowWrite {
  // "" is any workspace's.
  const workspaceId = onlySeen(visibility) ?? "";
  const requireSeen = (named: string) => {
    if (sees(visibility, named)) return;
    throw new Error(`a handler writes to workspace ${named}, which its call does not see`);
  };
  return {
    async create(wanted) {
      requireSeen(wanted.workspaceId);
      await before.made(wanted, wanted);
      return createWorkflow(deps, wanted);
    },
    async saveTemplate(save) {
      requireSeen(save.workspaceId);
      return saveTemplate(deps, save);
    },
    async deleteTemplate(named) {
      requireSeen(named.workspaceId);
      return removeTemplate(deps, named);
    },
    async update(order, to) {
      const facts = { changes: Object.keys(to) };
      await before.workflow("update", order.definitionId, { ...order, facts });
      return updateWorkflow(deps, { ...order, workspaceId }, to);
    },
    async archive(order) {
      await before.workflow("archive", order.definitionId, order);
      return archiveWorkflow(deps, { ...order, workspaceId });
    },
    async unarchive(order) {
      await before.workflow("unarchive", order.definitionId, order);
      return unarchiveWorkflow(deps, { ...order, workspaceId });
    },
    async delete(order) {
      await before.workflow("delete", order.definitionId, order);
      return deleteWorkflow(deps, { ...order, workspaceId });
    },
    saveDraft: (save) => saveDraft(deps, { ...save, workspaceId }),
    discardDraft: (discard) => discardDraft(deps, { ...discard, workspaceId }),
    async publishDraft(name, publication, deployTo) {
      const mustRepeat = !(await before.draft(name.definitionId, { ...publication, deployTo }));
      return publishDraft(deps, { ...name, workspaceId }, { ...publication, mustRepeat }, deployTo);
    },
  };
}
