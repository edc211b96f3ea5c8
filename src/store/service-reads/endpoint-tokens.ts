/**
 * Endpoints by the hashes of their tokens, with what a start has to know of their definitions.
 * Boundary: reads only, one statement for the deliveries of one moment. The state is never older than the question: a token that is
 * taken back starts nothing any more, on every replica.
 */
import type { Queries, Statement } from "../database.ts";
import type { DefinitionHead } from "../reads/definition-heads.ts";
import { onlyWorkspace, type Visibility } from "../reads/visibility.ts";
import { deployedVersion } from "./deployed-version.ts";

/** What a delivery needs of its endpoint. */
export interface EndpointOfToken {
  readonly id: string;
  /** Its place among VERIFICATIONS. */
  readonly verification: number;
  readonly signatureHeader: string;
  readonly sealedSecret: Buffer | null;
  readonly environment: string;
  /** What the endpoint starts: as the latest version the one that is deployed in its environment. */
  readonly definition: DefinitionHead;
  /** What the endpoint's workspace sees. */
  readonly visibility: Visibility;
}

interface Row extends DefinitionHead {
  readonly hash: string;
  readonly endpointId: string;
  readonly environment: string;
  readonly verification: number;
  readonly signatureHeader: string;
  readonly sealedSecret: Buffer | null;
}

const FIND: Statement = {
  name: "find_endpoints_of_tokens",
  text: `select h.hash, e.id as "endpointId", e.verification, e.signature_header as "signatureHeader",
      e.sealed_secret as "sealedSecret", e.environment, d.id, d.workspace_id as "workspaceId",
      coalesce(v.version, 0) as "latestVersion", v.id as "latestVersionId",
      (select s.input_schema_json from version_sources s where s.version_id = v.id) as "inputSchemaJson",
      (select true from closed_workflows c where c.definition_id = d.id) as "isArchived",
      (select p.reason from workflow_pauses p where p.definition_id = d.id) as "pauseReason"
    from unnest($1::text[]) as h(hash)
    cross join lateral (
      select id, definition_id, environment, verification, signature_header, sealed_secret
      from workflow_endpoints where token_hash = decode(h.hash, 'hex')
      union all
      select id, definition_id, environment, verification, signature_header, sealed_secret
      from workflow_endpoints where old_token_hash = decode(h.hash, 'hex') and old_until > now()
      union all
      select e.id, e.definition_id, e.environment, e.verification, e.signature_header, e.sealed_secret
      from endpoint_old_tokens t join workflow_endpoints e on e.id = t.endpoint_id
      where t.token_hash = decode(h.hash, 'hex') and t.until > now()
      limit 1) e
    join workflow_definitions d on d.id = e.definition_id
    ${deployedVersion("e.environment")}`,
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
  const { hash: _, endpointId: id, environment, ...more } = row;
  const { verification, signatureHeader, sealedSecret, ...definition } = more;
  const visibility = onlyWorkspace(definition.workspaceId);
  return { id, environment, verification, signatureHeader, sealedSecret, definition, visibility };
}
