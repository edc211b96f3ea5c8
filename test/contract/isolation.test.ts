/**
 * The matrix of isolation with AUTH_MODE=jwt: every RPC with every kind of wrong caller, over real HTTP.
 * rpc-auth.test.ts has the same rows for tokens that the identity service judges, where no audience is known.
 */
import type { CallOptions } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClients } from "../../src/collaborators/clients.ts";
import { SCOPES } from "../../src/collaborators/identity/callers.ts";
import { createCallers } from "../../src/collaborators/identity/identity.ts";
import { createLog } from "../../src/process/log.ts";
import {
  startCollaborator,
  type TestCollaborator,
} from "../support/collaborators/collaborators.ts";
import {
  type Clients,
  createClientsOf,
  EVENT,
  type Place,
  putDeployment,
  putLetterAside,
  putSchedule,
  type Row,
  STEPS,
  TABLE,
} from "../support/services/each-rpc.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";
import { readStored, type Stored } from "../support/services/stored-objects.ts";

interface Making {
  readonly workspaceId?: string;
  readonly scopes?: readonly string[];
  readonly audience?: string;
  /** Seconds from now. */
  readonly expires?: number;
  readonly isAgent?: true;
}

interface Wrong {
  readonly who: string;
  /** Undefined: no token at all. */
  readonly token: (row: Row) => Making | undefined;
  /** Whose things the request is about. */
  readonly about: () => Place;
  /** Undefined: the call is not refused, for it names nothing of a workspace. */
  readonly code: (row: Row) => string | undefined;
  /** The request names no workspace, where it can name an object. */
  readonly byIdAlone?: true;
}

const ISSUER = "https://issuer";
const AUDIENCE = "workflows";
const log = createLog({ level: "error", format: "json", write: () => {} });
const GUESSED = { workspaceId: "ws_a", definitionId: "wf_guessed", runId: "wfr_guessed" };
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let issuer: TestCollaborator;
let service: RpcService;
let clients: Clients;
let a: Place;
let b: Place;

beforeAll(async () => {
  keys = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k", alg: "RS256", use: "sig" };
  issuer = await startCollaborator(() => ({ status: 200, json: { keys: [jwk] } }));
  const settings = {
    issuer: ISSUER,
    audience: AUDIENCE,
    workspaceClaim: "org_id",
    agentClaim: "agent_type",
  };
  const jwt = { mode: "jwt" as const, ...settings, jwksUrl: `${issuer.url}/jwks` };
  const none = { urls: {}, protocol: "connect" as const, timeoutMs: 1, concurrency: 1 };
  const callers = createCallers(jwt, { clients: createClients(none, log), log });
  if (callers === undefined) throw new Error("nobody is authenticated");
  service = await startRpcService({ callers, log });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  clients = createClientsOf(transport);
  a = await furnish("ws_a");
  b = await furnish("ws_b");
});
afterAll(async () => {
  await service.stop();
  await issuer.stop();
});

async function as(making: Making = {}): Promise<CallOptions> {
  const { workspaceId = "ws_a", scopes = ["admin"], audience = AUDIENCE, expires = 60 } = making;
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: "user_1", org_id: workspaceId, scope: scopes.join(" ") };
  const agent = making.isAgent === true ? { agent_type: "assistant" } : {};
  const token = await new SignJWT({ ...claims, ...agent })
    .setProtectedHeader({ alg: "RS256", kid: "k" })
    .setIssuer(ISSUER)
    .setAudience(audience)
    .setExpirationTime(now + expires)
    .sign(keys.privateKey);
  return { headers: { authorization: `Bearer ${token}` } };
}

async function furnish(workspaceId: string): Promise<Place> {
  const options = await as({ workspaceId });
  const { definition } = await clients.createDefinition({ name: "orders" }, options);
  const definitionId = definition?.id ?? "";
  await clients.publishVersion({ definitionId, steps: STEPS, trigger: EVENT }, options);
  const { run } = await clients.startRun({ definitionId }, options);
  const place = { workspaceId, definitionId, runId: run?.id ?? "" };
  await putLetterAside(service, place);
  await putDeployment(service, place, "user_1");
  await putSchedule(service, place);
  return place;
}

const unauthenticated = () => "Unauthenticated";
const notFound = () => "NotFound";
/** Scopes that allow everything but this RPC; to read is part of every scope, so that a reader has none. */
function otherScopes({ needs }: Row): readonly string[] {
  if (needs === "workflows:read") return ["objectives:*"];
  return SCOPES.filter((scope) => scope !== needs && scope !== "workflows:admin");
}

const WRONG: readonly Wrong[] = [
  { who: "no token", token: () => undefined, about: () => a, code: unauthenticated },
  {
    who: "an expired token",
    token: () => ({ expires: -120 }),
    about: () => a,
    code: unauthenticated,
  },
  {
    who: "a token for another audience",
    token: () => ({ audience: "objectives" }),
    about: () => a,
    code: unauthenticated,
  },
  {
    who: "a token without the scope",
    token: (row) => ({ scopes: otherScopes(row) }),
    about: () => a,
    code: () => "PermissionDenied",
  },
  {
    who: "another workspace's token",
    token: () => ({ workspaceId: "ws_b" }),
    about: () => a,
    code: ({ foreign }) => foreign,
  },
  {
    who: "an agent's token",
    token: () => ({ isAgent: true }),
    about: () => a,
    code: ({ agent }) => agent,
  },
  {
    who: "another workspace's id",
    token: () => ({}),
    about: () => b,
    code: notFound,
    byIdAlone: true,
  },
  { who: "a guessed id", token: () => ({}), about: () => GUESSED, code: notFound, byIdAlone: true },
];

const ROWS = TABLE.map((row) => ({
  rpc: row.rpc,
  cells: WRONG.flatMap((wrong) => {
    const call = wrong.byIdAlone === true ? (row.callByIdAlone ?? idCallOf(row)) : row.call;
    return call === undefined || wrong.code(row) === undefined
      ? []
      : [{ row, call, who: wrong.who, wrong }];
  }),
}));

/** The call of an RPC whose request names an object; one that names a workspace alone has no id to guess. */
function idCallOf(row: Row): Row["call"] | undefined {
  return row.foreign === "NotFound" ? row.call : undefined;
}

describe.each(ROWS)("$rpc, refused, changes nothing", ({ cells }) => {
  let before: Stored;
  beforeAll(async () => {
    before = await readStored(service.url);
  });
  afterAll(async () => expect(await readStored(service.url)).toEqual(before));

  test.each(cells)("with $who", async ({ row, call, wrong }) => {
    const making = wrong.token(row);
    const options = making === undefined ? {} : await as(making);
    const refused = await refusedBy(call(clients, wrong.about(), options));
    expect(refused.code).toBe(wrong.code(row));
  });
});

test.each(TABLE)("$rpc is answered with the scope alone", async ({ needs, call }) => {
  const { run } = await clients.startRun({ definitionId: a.definitionId }, await as());
  await call(clients, { ...a, runId: run?.id ?? "" }, await as({ scopes: [needs] }));
});

test.each(TABLE.filter(({ agent }) => agent === undefined))(
  "$rpc is answered with the scope alone to an agent too",
  async ({ needs, call }) => {
    const { run } = await clients.startRun({ definitionId: a.definitionId }, await as());
    const agent = await as({ scopes: [needs], isAgent: true });
    await call(clients, { ...a, runId: run?.id ?? "" }, agent);
  },
);

test("every RPC has a row of another workspace's token, but for those that name nothing of a workspace", () => {
  const without = TABLE.filter(({ foreign }) => foreign === undefined).map(({ rpc }) => rpc);
  expect(without).toEqual([
    ...["system.get", "system.whoAmI", "sources.checkVersion", "schedules.preview"],
  ]);
});
