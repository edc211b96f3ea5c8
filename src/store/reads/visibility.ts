/**
 * Which workspaces' rows a read may show. Each read of this folder takes a Visibility and applies it itself, so that a
 * row of another workspace does not leave the read.
 * Boundary: knows no caller. For calls ingress/rpc/call-workspace.ts makes it, and no other file of ingress may
 * (tools/import-table.ts).
 */
import { eq, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type pg from "pg";
import type { Queries, Statement } from "../database.ts";
import { workflowDefinitions, workflowVersions } from "../schema/definitions.ts";

// Not exported: no other file can make a Visibility, or read what is in it.
const WORKSPACE: unique symbol = Symbol("workspace");

/** One workspace, or every one. */
export interface Visibility {
  readonly [WORKSPACE]: string | undefined;
}

/** What the service's own work sees, and a caller without authentication. */
export const EVERY_WORKSPACE: Visibility = { [WORKSPACE]: undefined };

/** This workspace alone. An empty id is a fault of the service: it must never mean every workspace. */
export function onlyWorkspace(workspaceId: string): Visibility {
  if (workspaceId === "") throw new Error("a visibility needs a workspace");
  return { [WORKSPACE]: workspaceId };
}

/** The only workspace that is seen; undefined: every one is. */
export function onlySeen(visibility: Visibility): string | undefined {
  return visibility[WORKSPACE];
}

/** Whether rows of this workspace are seen. */
export function sees(visibility: Visibility, workspaceId: string): boolean {
  const only = onlySeen(visibility);
  return only === undefined || only === workspaceId;
}

/** The condition on a column that holds a row's workspace; undefined, which `and` leaves out, where every one is seen. */
export function seenBy(visibility: Visibility, column: AnyPgColumn): SQL | undefined {
  const only = onlySeen(visibility);
  return only === undefined ? undefined : eq(column, only);
}

/** As seenBy, for versions, whose rows do not name their workspace: their definition's does. */
export function versionSeenBy(visibility: Visibility): SQL | undefined {
  const { id, workspaceId } = workflowDefinitions;
  const seen = seenBy(visibility, workspaceId);
  if (seen === undefined) return undefined;
  return sql`exists (select 1 from ${workflowDefinitions}
    where ${id} = ${workflowVersions.definitionId} and ${seen})`;
}

/** A statement in two forms: for every workspace, and for the one that is its last parameter. */
export interface SeenStatement {
  readonly every: Statement;
  readonly one: Statement;
}

/** Both forms of a statement that ends with its conditions. A name stands for one text, so the second has its own. */
export function seenStatement(every: Statement, condition: string): SeenStatement {
  return { every, one: { name: `${every.name}_seen`, text: `${every.text} and ${condition}` } };
}

/** Both forms of a statement whose condition stands within its text. */
export function seenWithin(
  name: string,
  text: (condition: string) => string,
  condition: string,
): SeenStatement {
  return {
    every: { name, text: text("true") },
    one: { name: `${name}_seen`, text: text(condition) },
  };
}

/** The id of the definition $1, found by its id alone, where the condition on its row `d` holds. */
export function seenDefinition(condition: string): string {
  return `select d.id from (
      select id, workspace_id from workflow_definitions where id = $1 offset 0) as d where ${condition}`;
}

/** Runs the form that shows what is seen. */
export function querySeen<Row extends pg.QueryResultRow>(
  db: Queries,
  visibility: Visibility,
  { every, one }: SeenStatement,
  values: readonly unknown[],
): Promise<Row[]> {
  const only = onlySeen(visibility);
  return only === undefined ? db.query(every, values) : db.query(one, [...values, only]);
}
