/**
 * Rows of hooks, and which of them a verb asks.
 * Boundary: rows; secrets come sealed. runtime/hooks.ts decides what is stored, runtime/ask-hooks.ts asks.
 */
import { and, count, eq, type SQL, sql } from "drizzle-orm";
import type { HookVerb } from "../engine/values/hook.ts";
import type { Queries, Statement, Tx } from "./database.ts";
import { workflowHooks } from "./schema/workflow-hooks.ts";

/** A hook as it is stored. */
export type HookRow = typeof workflowHooks.$inferSelect;

/** A hook to store in place of the one of its name. */
export type NewHook = Omit<HookRow, "createdAt" | "updatedAt">;

/** A hook by its name. */
export interface HookName {
  readonly workspaceId: string;
  readonly name: string;
}

/** What a hook is asked about. */
export interface AskedHook
  extends Pick<HookRow, "id" | "name" | "url" | "governance" | "sealedSecret" | "workspaceId"> {
  readonly verbs: readonly HookVerb[];
  /** That of the workflow; "" where it is about to be made. */
  readonly workflowName: string;
}

const NOW = sql`clock_timestamp()`;
const COLUMNS =
  'h.id, h.name, h.url, h.governance, h.sealed_secret as "sealedSecret", h.workspace_id as "workspaceId", h.verbs';
const OF_WORKFLOW: Statement = {
  name: "find_hooks_of_workflow",
  text: `select ${COLUMNS}, d.name as "workflowName"
    from workflow_definitions d join workflow_hooks h on h.workspace_id = d.workspace_id
    where d.id = $1 and ($2::text = '' or d.workspace_id = $2) and h.verbs && $3::text[]
      and coalesce(h.definition_id, d.id) = d.id
    order by h.name`,
};
const OF_WORKSPACE: Statement = {
  name: "find_hooks_of_workspace",
  text: `select ${COLUMNS}, '' as "workflowName" from workflow_hooks h
    where h.workspace_id = $1 and h.verbs && $2::text[] and h.definition_id is null order by h.name`,
};

/** The hooks that one of the verbs asks about a workflow, in the order of their names; a `workspaceId` of "" takes any workspace's. */
export function findHooksOfWorkflow(
  db: Queries,
  definitionId: string,
  workspaceId: string,
  verbs: readonly HookVerb[],
): Promise<AskedHook[]> {
  return db.query<AskedHook & Record<string, unknown>>(OF_WORKFLOW, [
    definitionId,
    workspaceId,
    verbs,
  ]);
}

/** Those that one of the verbs asks about a workflow that is not there yet. */
export function findHooksOfWorkspace(
  db: Queries,
  workspaceId: string,
  verbs: readonly HookVerb[],
): Promise<AskedHook[]> {
  return db.query<AskedHook & Record<string, unknown>>(OF_WORKSPACE, [workspaceId, verbs]);
}

/** A hook by its name, locked until the transaction ends. */
export async function lockHook(tx: Tx, name: HookName): Promise<HookRow | undefined> {
  const [row] = await tx.build.select().from(workflowHooks).where(named(name)).for("update");
  return row;
}

/** How many a workspace has. */
export async function countHooks(tx: Tx, workspaceId: string): Promise<number> {
  const [row] = await tx.build
    .select({ total: count() })
    .from(workflowHooks)
    .where(eq(workflowHooks.workspaceId, workspaceId));
  return row?.total ?? 0;
}

/** Stores a hook in place of the one with its id. Rejects where another one has its name (pg-errors.ts). */
export async function saveHook(tx: Tx, hook: NewHook): Promise<HookRow> {
  const set = { ...hook, updatedAt: NOW };
  const [row] = await tx.build
    .insert(workflowHooks)
    .values({ ...set, createdAt: NOW })
    .onConflictDoUpdate({ target: workflowHooks.id, set })
    .returning();
  if (row === undefined) throw new Error(`hook ${hook.id} was not stored`);
  return row;
}

/** Deletes a hook; undefined: there is none of the name. */
export async function deleteHook(tx: Tx, name: HookName): Promise<HookRow | undefined> {
  const [gone] = await tx.build.delete(workflowHooks).where(named(name)).returning();
  return gone;
}

function named({ workspaceId, name }: HookName): SQL | undefined {
  return and(eq(workflowHooks.workspaceId, workspaceId), eq(workflowHooks.name, name));
}
