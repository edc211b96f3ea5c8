/**
 * Rows of endpoints.
 * Boundary: single rows; tokens and secrets come as hashes and sealed. runtime/endpoints.ts decides what is stored.
 */
import { and, count, eq, type SQL, sql } from "drizzle-orm";
import type { Statement, Tx } from "./database.ts";
import { workflowEndpoints } from "./schema/starters.ts";

/** An endpoint as it is stored. */
export type EndpointRow = typeof workflowEndpoints.$inferSelect;

/** An endpoint to store. */
type NewEndpoint = Pick<
  EndpointRow,
  | "id"
  | "workspaceId"
  | "definitionId"
  | "environment"
  | "name"
  | "verification"
  | "signatureHeader"
  | "changedBy"
  | "changeReason"
  | "tokenHash"
  | "sealedSecret"
>;

/** Another token of an endpoint. */
interface EndpointRotation {
  readonly tokenHash: Uint8Array;
  readonly graceSeconds: number;
  readonly changedBy: string;
  readonly changeReason: string;
}

/** An endpoint by its id; "" is any workspace. */
export interface EndpointKey {
  readonly id: string;
  readonly workspaceId: string;
}

const NOW = sql`clock_timestamp()`;

const LOCK_DEFINITION: Statement = {
  name: "lock_definition_for_starters",
  text: "select 1 from workflow_definitions where id = $1 for update",
};

/**
 * How many endpoints a definition has; its row is locked, so that the number stays until the transaction
 * ends. Undefined: the definition is gone.
 */
export async function countEndpoints(tx: Tx, definitionId: string): Promise<number | undefined> {
  const [locked] = await tx.query(LOCK_DEFINITION, [definitionId]);
  if (locked === undefined) return undefined;
  const [row] = await tx.build
    .select({ total: count() })
    .from(workflowEndpoints)
    .where(eq(workflowEndpoints.definitionId, definitionId));
  return row?.total ?? 0;
}

/** Stores an endpoint. */
export async function insertEndpoint(tx: Tx, endpoint: NewEndpoint): Promise<EndpointRow> {
  const [row] = await tx.build
    .insert(workflowEndpoints)
    .values({ ...endpoint, createdAt: NOW })
    .returning();
  if (row === undefined) throw new Error(`endpoint ${endpoint.id} was not stored`);
  return row;
}

/** Gives an endpoint another token; undefined: there is no such endpoint. */
export async function rotateEndpoint(
  tx: Tx,
  key: EndpointKey,
  { tokenHash, graceSeconds, ...change }: EndpointRotation,
): Promise<EndpointRow | undefined> {
  const [row] = await tx.build
    .update(workflowEndpoints)
    .set({
      ...change,
      tokenHash,
      oldTokenHash: sql`${workflowEndpoints.tokenHash}`,
      oldUntil: sql`${NOW} + make_interval(secs => ${graceSeconds})`,
      rotatedAt: NOW,
    })
    .where(keyIs(key))
    .returning();
  return row;
}

/** Deletes an endpoint; false: there is none. */
export async function deleteEndpoint(tx: Tx, key: EndpointKey): Promise<boolean> {
  const gone = await tx.build
    .delete(workflowEndpoints)
    .where(keyIs(key))
    .returning({ id: workflowEndpoints.id });
  return gone.length > 0;
}

function keyIs({ id, workspaceId }: EndpointKey): SQL | undefined {
  const ofWorkspace =
    workspaceId === "" ? undefined : eq(workflowEndpoints.workspaceId, workspaceId);
  return and(eq(workflowEndpoints.id, id), ofWorkspace);
}
