/**
 * The part of Write that changes workflows, their drafts, and templates. Boundary: as write.ts.
 * Each change resolves after its commit and rejects with a Refusal: not_found for a definition that the call does not see.
 */
import type { DefinitionDeps } from "../../runtime/definitions.ts";
import type { SourcePublication, SourcePublished } from "../../runtime/publish-source.ts";
import {
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
  discardDraft(name: Seen<DraftName>): Promise<string>;
  publishDraft(
    name: Seen<DraftName>,
    publication: SourcePublication,
    deployTo: string,
  ): Promise<SourcePublished>;
  saveTemplate(save: TemplateSave): Promise<TemplateRow>;
  deleteTemplate(named: Parameters<typeof removeTemplate>[1]): Promise<string>;
}

/** The changes of one call. */
export function createWorkflowWrite(deps: DefinitionDeps, visibility: Visibility): WorkflowWrite {
  // "" is any workspace's.
  const workspaceId = onlySeen(visibility) ?? "";
  const requireSeen = (named: string) => {
    if (sees(visibility, named)) return;
    throw new Error(`a handler writes to workspace ${named}, which its call does not see`);
  };
  return {
    async create(wanted) {
      requireSeen(wanted.workspaceId);
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
    update: (order, to) => updateWorkflow(deps, { ...order, workspaceId }, to),
    archive: (order) => archiveWorkflow(deps, { ...order, workspaceId }),
    unarchive: (order) => unarchiveWorkflow(deps, { ...order, workspaceId }),
    delete: (order) => deleteWorkflow(deps, { ...order, workspaceId }),
    saveDraft: (save) => saveDraft(deps, { ...save, workspaceId }),
    discardDraft: (name) => discardDraft(deps, { ...name, workspaceId }),
    publishDraft: (name, publication, deployTo) =>
      publishDraft(deps, { ...name, workspaceId }, publication, deployTo),
  };
}
