/**
 * Endpoints by the hashes of their tokens, with what a start has to know of their definitions.
 * Boundary: reads only, one statement for the deliveries of one moment. The state is never older than the question: a token that is
 * taken back starts nothing any more, on every replica.
 */
import type { Queries, Statement } from "../database.ts";
import type { DefinitionHead } from "../reads/definition-heads.ts";
import { onlyWorkspace, type Visibility } from "../reads/visibility.ts";

/** What a delivery needs of its endpoint. */
export interface EndpointOfToken {
  readonly id: string;
  /** Its place among VERIFICATIONS. */
  readonly verification: number;
  readonly signatureHeader: string;
  readonly sealedSecret: Buffer | null;
  /** What the endpoint starts. */
  readonly definition: DefinitionHead;
  /** What the endpoint's workspace sees. */
  readonly visibility: Visibility;
}

interface Row extends DefinitionHead {
  readonly hash: string;
  readonly endpointId: string;
  readonly verification: number;
  readonly signatureHeader: string;
  readonly sealedSecret: Buffer | null;
}

const FIND: Statement = {
  name: "find_endpoints_of_tokens",
  text: `select v.hash, e.id as "endpointId", e.verification, e.signature_header as "signatureHeader",
      e.sealed_secret as "sealedSecret", d.id, d.workspace_id as "workspaceId",
      d.latest_version as "latestVersion", d.latest_version_id as "latestVersionId",
      (select s.input_schema_json from version_sources s where s.version_id = d.latest_version_id)
        as "inputSchemaJson",
      (select true from closed_workflows c where c.definition_id = d.id) as "isArchived",
      (select p.reason from workflow_pauses p where p.definition_id = d.id) as "pauseReason"
    from unnest($1::text[]) as v(hash)
    cross join lateral (
      select id, definition_id, verification, signature_header, sealed_secret
      from workflow_endpoints where token_hash = decode(v.hash, 'hex')
      union all
      select id, definition_id, verification, signature_header, sealed_secret
      from workflow_endpoints where old_token_hash = decode(v.hash, 'hex') and old_until > now()
      limit 1) e
    join workflow_definitions d on d.id = e.definition_id`,
};

/** The endpoint of each hash (hex), in order; undefined: no token has it, or it is over. */
export async function findEndpointsOfTokens(
  db: Queries,
  hashes: readonly string[],
): Promise<(EndpointOfToken | undefined)[]> {
  const rows = await db.query<{ [Key in keyof Row]: Row[Key] }>(FIND, [[...new Set(hashes)]]);
  const found = new Map(rows.map((row) => [row.hash, endpointOf(row)]));
  return hashes.map((hash) => found.get(hash));
}

function endpointOf(row: Row): EndpointOfToken {
  const { hash: _, endpointId, verification, signatureHeader, sealedSecret, ...definition } = row;
  const visibility = onlyWorkspace(definition.workspaceId);
  return { id: endpointId, verification, signatureHeader, sealedSecret, definition, visibility };
}
