/**
 * Rows of endpoints.
 * Boundary: single rows; tokens and secrets come as hashes and sealed. runtime/endpoints.ts decides what is stored.
 */
import { and, count, eq, type SQL, sql } from "drizzle-orm";
import type { Statement, Tx } from "./database.ts";
import { endpointOldTokens, workflowEndpoints } from "./schema/starters.ts";

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
  | "sealedToken"
  | "rotateOnPublish"
  | "rotateGraceSeconds"
>;

/** Another token of an endpoint. */
interface EndpointRotation {
  readonly tokenHash: Uint8Array;
  /** Kept where the endpoint rotates by itself; null: it cannot be sealed. */
  readonly sealedToken: Uint8Array | null;
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
// The version that starts runs in the environment of an endpoint.
const HERE_TEXT = (
  definition: string,
  environment: string,
) => `(case when ${environment} = 'production'
    then (select latest_version_id from workflow_definitions where id = ${definition})
    else (select version_id from workflow_deployments
      where definition_id = ${definition} and environment = ${environment} and state = 'ACTIVE') end)`;

const LOCK_DEFINITION: Statement = {
  name: "lock_definition_for_starters",
  text: "select 1 from workflow_definitions where id = $1 for update",
};

// Locked: a rotation by hand that comes meanwhile is seen whole, so that no token which it ends is kept.
const TO_ROTATE: Statement = {
  name: "find_endpoints_to_rotate",
  text: `select e.id from workflow_endpoints e where e.definition_id = $1 and e.rotate_on_publish
      and e.rotated_for is distinct from ${HERE_TEXT("e.definition_id", "e.environment")}
      and ${HERE_TEXT("e.definition_id", "e.environment")} is not null
    order by e.id for update of e`,
};
/** Earlier tokens of an endpoint beside the one before: a publish within the grace of ten others ends the first of them. */
const OLD_TOKENS_KEPT = 9;
const KEEP_OLD_TOKENS: Statement = {
  name: "keep_old_tokens_of_endpoints",
  text: `with kept as (
      select token_hash, row_number() over (partition by endpoint_id order by until desc) as place
      from endpoint_old_tokens where endpoint_id = any($1) and until > clock_timestamp()),
    gone as (
      delete from endpoint_old_tokens where endpoint_id = any($1)
        and token_hash not in (select token_hash from kept where place < $2))
    insert into endpoint_old_tokens (token_hash, endpoint_id, until)
    select old_token_hash, id, old_until from workflow_endpoints where id = any($1) and old_until > clock_timestamp()`,
};
const ROTATE: Statement = {
  name: "rotate_endpoints_on_publish",
  text: `update workflow_endpoints e set token_hash = decode(v.hash, 'hex'), sealed_token = decode(v.sealed, 'hex'),
      old_token_hash = e.token_hash, old_until = clock_timestamp() + make_interval(secs => e.rotate_grace_seconds),
      rotated_at = clock_timestamp(), rotated_for = ${HERE_TEXT("e.definition_id", "e.environment")},
      change_reason = 'rotate_on_publish'
    from unnest($1::text[], $2::text[], $3::text[]) as v(id, hash, sealed) where e.id = v.id`,
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
    .values({ ...endpoint, createdAt: NOW, ...rotatedFor(endpoint) })
    .returning();
  if (row === undefined) throw new Error(`endpoint ${endpoint.id} was not stored`);
  return row;
}

/** Gives an endpoint another token; undefined: there is no such endpoint. Of the ones before the last one alone keeps a grace. */
export async function rotateEndpoint(
  tx: Tx,
  key: EndpointKey,
  { tokenHash, sealedToken, graceSeconds, ...change }: EndpointRotation,
): Promise<EndpointRow | undefined> {
  const [row] = await tx.build
    .update(workflowEndpoints)
    .set({
      ...change,
      tokenHash,
      sealedToken: sql`case when ${workflowEndpoints.rotateOnPublish} then ${sql.param(sealedToken, workflowEndpoints.sealedToken)}::bytea end`,
      oldTokenHash: sql`${workflowEndpoints.tokenHash}`,
      oldUntil: sql`${NOW} + make_interval(secs => ${graceSeconds})`,
      rotatedAt: NOW,
    })
    .where(keyIs(key))
    .returning();
  await tx.build.delete(endpointOldTokens).where(eq(endpointOldTokens.endpointId, row?.id ?? ""));
  return row;
}

/** Endpoints of a definition that are to rotate: another version than the one of their token starts runs in their environment. */
export function findToRotate(tx: Tx, definitionId: string): Promise<{ id: string }[]> {
  return tx.query<{ id: string }>(TO_ROTATE, [definitionId]);
}

/** Gives endpoints another token each, for the version that starts runs in their environment now. The ones before keep their graces. */
export async function rotateEndpoints(
  tx: Tx,
  tokens: readonly {
    readonly id: string;
    readonly tokenHash: Uint8Array;
    readonly sealedToken: Uint8Array;
  }[],
): Promise<void> {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const ids = tokens.map(({ id }) => id);
  await tx.query(KEEP_OLD_TOKENS, [ids, OLD_TOKENS_KEPT]);
  await tx.query(ROTATE, [
    ids,
    tokens.map(({ tokenHash }) => hex(tokenHash)),
    tokens.map(({ sealedToken }) => hex(sealedToken)),
  ]);
}

/** Deletes an endpoint; false: there is none. */
export async function deleteEndpoint(tx: Tx, key: EndpointKey): Promise<boolean> {
  const gone = await tx.build
    .delete(workflowEndpoints)
    .where(keyIs(key))
    .returning({ id: workflowEndpoints.id });
  return gone.length > 0;
}

function rotatedFor({ rotateOnPublish, definitionId, environment }: NewEndpoint) {
  if (!rotateOnPublish) return {};
  const [definition, where] = [sql`${definitionId}::text`, sql`${environment}::text`];
  return {
    rotatedFor: sql`(case when ${where} = 'production'
      then (select latest_version_id from workflow_definitions where id = ${definition})
      else (select version_id from workflow_deployments
        where definition_id = ${definition} and environment = ${where} and state = 'ACTIVE') end)`,
  };
}

function keyIs({ id, workspaceId }: EndpointKey): SQL | undefined {
  const ofWorkspace =
    workspaceId === "" ? undefined : eq(workflowEndpoints.workspaceId, workspaceId);
  return and(eq(workflowEndpoints.id, id), ofWorkspace);
}
