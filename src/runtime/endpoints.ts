/**
 * Endpoints: their making, and what a delivery finds by the token in its URL.
 * Boundary: tokens and secrets are plain here alone; the store gets hashes and sealed bytes. What a delivery is, ingress/rpc/hooks/ says.
 * Invariant: the token is in the answer of the call that made it and nowhere else: no row, no log line and no kept answer has it. That of an
 * endpoint which rotates by itself is stored sealed, for nobody gets an answer then.
 */
import { createHash, randomBytes } from "node:crypto";
import { createGathered } from "../process/gathered.ts";
import { newEndpointId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import { createSealer, type Sealer } from "../process/seal.ts";
import {
  findSecretProblem,
  makeSecret,
  VERIFICATIONS,
  type Verification,
} from "../process/signatures.ts";
import type { KeyClaim } from "../store/caller-keys.ts";
import type { Database, Tx } from "../store/database.ts";
import {
  countEndpoints,
  deleteEndpoint,
  type EndpointKey,
  type EndpointRow,
  findToRotate,
  insertEndpoint,
  rotateEndpoint,
  rotateEndpoints,
} from "../store/endpoints.ts";
import {
  type EndpointOfToken,
  findEndpointsOfTokens,
} from "../store/service-reads/endpoint-tokens.ts";
import { applyKeys } from "./caller-keys.ts";
import { closedRefusal } from "./closed-refusals.ts";
import { requireEnvironment } from "./starter-environment.ts";

export type { EndpointOfToken } from "../store/service-reads/endpoint-tokens.ts";

/** What the service's settings say of endpoints. */
export interface EndpointSettings {
  /** Seal secrets: the first one new ones, each of them what is stored. Empty: only endpoints without a secret can be made. */
  readonly secretsKeys: readonly Uint8Array[];
  /** What stands before the path of a URL; "": nothing is known. */
  readonly publicUrl: string;
}

/** What changing endpoints needs. */
export interface EndpointDeps {
  readonly database: Database;
  readonly endpoints?: EndpointSettings | undefined;
  /** The key of the call, marked in the transaction with the endpoint's id. */
  readonly callerKey?: KeyClaim | undefined;
}

/** An endpoint to make. */
export interface WantedEndpoint {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly environment: string;
  readonly name: string;
  readonly verification: Verification;
  /** "": the service makes one, where the scheme allows it. */
  readonly secret: string;
  readonly signatureHeader: string;
  /** It gets another URL when another version starts runs in its environment; the one before works on for so long. */
  readonly rotateOnPublish: boolean;
  readonly rotateGraceSeconds: number;
  readonly changedBy: string;
  readonly changeReason: string;
}

/** An endpoint that was made or rotated, with what is shown once. */
export interface MadeEndpoint {
  readonly row: EndpointRow;
  readonly url: string;
  /** "": the service made none. */
  readonly secret: string;
}

/** Endpoints of one workflow. */
const OF_A_WORKFLOW = 50;
const TOKEN_BYTES = 32;
const PATH = "/hooks/";
const NEEDS_KEY =
  "needs SECRETS_KEY in the environment of the service, with which its secret is stored";
const WITHOUT_SETTINGS: EndpointSettings = { secretsKeys: [], publicUrl: "" };

/** Makes an endpoint. Refuses not_found, invalid_fields and, past 50 of a workflow, illegal_move. */
export async function createEndpoint(
  deps: EndpointDeps,
  wanted: WantedEndpoint,
): Promise<MadeEndpoint> {
  const { secret, verification, environment, ...plain } = wanted;
  const id = newEndpointId();
  const { publicUrl, secretsKeys } = deps.endpoints ?? WITHOUT_SETTINGS;
  const sealer = createSealer(secretsKeys);
  const kept = secretOf(verification, secret, sealer);
  const token = newToken();
  if (wanted.rotateOnPublish && sealer === undefined) throw wrong("rotate_on_publish", NEEDS_KEY);
  const row = await committed(deps, async (tx) => {
    const stored = await countEndpoints(tx, plain.definitionId);
    if (stored === undefined) throw closedRefusal(plain.definitionId, "deleted");
    if (stored >= OF_A_WORKFLOW) {
      const resource = { type: "definition", name: plain.definitionId };
      const words = `the workflow has ${OF_A_WORKFLOW} endpoints; delete one that is not used`;
      throw new Refusal("illegal_move", words, { resource });
    }
    return insertEndpoint(tx, {
      ...{ ...plain, id, environment: requireEnvironment(environment) },
      verification: VERIFICATIONS.indexOf(verification),
      tokenHash: hashOf(token),
      sealedSecret: kept?.seal(id) ?? null,
      sealedToken: wanted.rotateOnPublish ? (sealer?.seal(tokenName(id), token) ?? null) : null,
    });
  });
  return {
    row,
    url: `${publicUrl}${PATH}${token}`,
    secret: secret === "" ? (kept?.text ?? "") : "",
  };
}

/** Gives an endpoint another URL; the one of now works on for so long. Refuses not_found. */
export async function rotateUrl(
  deps: EndpointDeps,
  key: EndpointKey,
  change: {
    readonly graceSeconds: number;
    readonly changedBy: string;
    readonly changeReason: string;
  },
): Promise<MadeEndpoint> {
  const { publicUrl, secretsKeys } = deps.endpoints ?? WITHOUT_SETTINGS;
  const token = newToken();
  const sealedToken = createSealer(secretsKeys)?.seal(tokenName(key.id), token) ?? null;
  const row = await committed(deps, async (tx) => {
    const made = { tokenHash: hashOf(token), sealedToken };
    const rotated = await rotateEndpoint(tx, key, { ...change, ...made });
    if (rotated === undefined) throw unknownEndpoint(key.id);
    return rotated;
  });
  return { row, url: `${publicUrl}${PATH}${token}`, secret: "" };
}

/**
 * Gives those endpoints of a definition another URL that rotate by themselves and for which another version starts runs by now. Without a
 * key of SECRETS_KEY none does: nobody could learn the URL.
 */
export async function rotateOnDeploy(
  tx: Tx,
  settings: EndpointSettings = WITHOUT_SETTINGS,
  definitionId: string,
): Promise<void> {
  const sealer = createSealer(settings.secretsKeys);
  if (sealer === undefined) return;
  const found = await findToRotate(tx, definitionId);
  if (found.length === 0) return;
  await rotateEndpoints(
    tx,
    found.map(({ id }) => {
      const token = newToken();
      return { id, tokenHash: hashOf(token), sealedToken: sealer.seal(tokenName(id), token) };
    }),
  );
}

/** The URLs of sealed tokens, by the ids of their endpoints; none that no key opens. */
export function urlsOf(
  { secretsKeys, publicUrl }: EndpointSettings,
  sealed: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, string> {
  const sealer = createSealer(secretsKeys);
  return new Map(
    [...sealed].flatMap(([id, bytes]): [string, string][] => {
      const token = sealer?.open(tokenName(id), bytes);
      return token === undefined ? [] : [[id, `${publicUrl}${PATH}${token}`]];
    }),
  );
}

/** Deletes an endpoint. Refuses not_found. */
export async function removeEndpoint(deps: EndpointDeps, key: EndpointKey): Promise<void> {
  await committed(deps, async (tx) => {
    if (!(await deleteEndpoint(tx, key))) throw unknownEndpoint(key.id);
    return key;
  });
}

/** not_found */
export function unknownEndpoint(id: string): Refusal {
  const resource = { type: "endpoint", name: id };
  return new Refusal("not_found", `there is no endpoint ${id}`, { resource });
}

/** Finds endpoints by the tokens of URLs; those of one moment share a statement. */
export function createEndpointFinder({
  callers,
}: Pick<Database, "callers">): (token: string) => Promise<EndpointOfToken | undefined> {
  const find = createGathered((hashes: readonly string[]) =>
    findEndpointsOfTokens(callers, hashes),
  );
  return (token) => find(hashOf(token).toString("hex"));
}

async function committed<Row extends { readonly id: string }>(
  { database, callerKey }: EndpointDeps,
  write: (tx: Tx) => Promise<Row>,
): Promise<Row> {
  return database.transaction(async (tx) => {
    const row = await write(tx);
    if (callerKey !== undefined) await applyKeys(tx, [{ ...callerKey, appliedTo: row.id }]);
    return row;
  });
}

/** The secret, and how it is sealed; undefined: the scheme has none. */
function secretOf(verification: Verification, given: string, sealer: Sealer | undefined) {
  if (verification === "none") {
    if (given !== "") throw wrong("secret", "is not used by a verification of NONE");
    return undefined;
  }
  if (sealer === undefined) {
    throw wrong("verification", `${NEEDS_KEY}; without it only NONE is possible`);
  }
  const text = given === "" ? makeSecret(verification) : given;
  if (text === undefined) throw wrong("secret", "is required: the sender gives it to you");
  const problem = findSecretProblem(verification, text);
  if (problem !== undefined) throw wrong("secret", problem);
  return { text, seal: (id: string) => sealer.seal(id, text) };
}

function wrong(field: string, description: string): Refusal {
  const fields = [{ field, description }];
  return new Refusal("invalid_fields", "the request is not valid", { fields });
}

/** What the token of an endpoint is sealed for: not what its secret is. */
function tokenName(id: string): string {
  return `${id}/token`;
}

function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
