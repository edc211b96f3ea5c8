/**
 * AUTH_MODE=jwt: tokens that are signed, judged by the keys of an issuer over real HTTP.
 * The test is the issuer, and forges the bad tokens.
 */
import { createHmac } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createClients } from "../../src/collaborators/clients.ts";
import { createCallers } from "../../src/collaborators/identity/identity.ts";
import {
  type SignatureSettings,
  verifySignatures,
} from "../../src/collaborators/identity/signed-tokens.ts";
import type { JudgeToken } from "../../src/collaborators/identity/token-memory.ts";
import { createLog } from "../../src/process/log.ts";
import { Refusal } from "../../src/process/refusal.ts";
import {
  type Answer,
  startCollaborator,
  type TestCollaborator,
} from "../support/collaborators/collaborators.ts";

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

const lines: string[] = [];
const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(line) });
const CLAIMS = { sub: "user_1", org_id: "ws_a", scope: "openid workflows:run" };
let issuer: TestCollaborator;
let trouble: Answer | undefined;
let pairs: Record<"rsa" | "ec" | "ed" | "stranger", Pair>;
let judge: JudgeToken;

beforeAll(async () => {
  const [rsa, ec, ed, stranger] = await Promise.all([
    generateKeyPair("RS256", { extractable: true }),
    generateKeyPair("ES256"),
    generateKeyPair("EdDSA"),
    generateKeyPair("RS256"),
  ]);
  pairs = { rsa, ec, ed, stranger };
  const keys = await Promise.all([
    jwkOf("rsa", "RS256"),
    jwkOf("ec", "ES256"),
    jwkOf("ed", "EdDSA"),
  ]);
  issuer = await startCollaborator(() => trouble ?? { status: 200, json: { keys } });
});
afterAll(() => issuer.stop());
beforeEach(() => {
  trouble = undefined;
  issuer.asked.length = 0;
  lines.length = 0;
  judge = newJudge();
});

async function jwkOf(name: "rsa" | "ec" | "ed", alg: string) {
  return { ...(await exportJWK(pairs[name].publicKey)), kid: name, alg, use: "sig" };
}

function newJudge(more: Partial<SignatureSettings> = {}): JudgeToken {
  const base = {
    issuer: "https://issuer",
    audience: "workflows",
    workspaceClaim: "org_id",
    agentClaim: "agent_type",
  };
  return verifySignatures({ ...base, jwksUrl: `${issuer.url}/jwks`, ...more }, log);
}

interface Making {
  readonly alg?: string;
  readonly kid?: string;
  readonly typ?: string;
  readonly by?: keyof typeof pairs;
  readonly iss?: string;
  readonly aud?: string | string[];
  /** Seconds from now; null leaves the claim out. */
  readonly exp?: number | null;
  readonly nbf?: number;
  readonly claims?: JWTPayload;
}

function make(making: Making = {}): Promise<string> {
  const { alg = "RS256", kid = "rsa", typ, by = "rsa", exp = 60, nbf } = making;
  const now = Math.floor(Date.now() / 1000);
  const signed = new SignJWT(making.claims ?? CLAIMS)
    .setProtectedHeader({ alg, kid, ...(typ === undefined ? {} : { typ }) })
    .setIssuer(making.iss ?? "https://issuer")
    .setAudience(making.aud ?? "workflows");
  if (exp !== null) signed.setExpirationTime(now + exp);
  if (nbf !== undefined) signed.setNotBefore(now + nbf);
  return signed.sign(pairs[by].privateKey);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function claimsNow() {
  const exp = Math.floor(Date.now() / 1000) + 60;
  return { ...CLAIMS, iss: "https://issuer", aud: "workflows", exp };
}

describe("is good", () => {
  test.each<Making>([
    {},
    { alg: "ES256", kid: "ec", by: "ec" },
    { alg: "EdDSA", kid: "ed", by: "ed" },
    { aud: ["others", "workflows"] },
    { typ: "JWT" },
    { typ: "at+jwt" },
    { nbf: -60 },
  ])("%o", async (making) => {
    const judged = await judge(await make(making));
    expect(judged?.caller).toMatchObject({ subject: "user_1", workspaceId: "ws_a" });
    expect([...(judged?.caller.scopes ?? [])].sort()).toEqual(["workflows:read", "workflows:run"]);
  });

  test("until it expires, with a small allowance for clock skew", async () => {
    const judged = await judge(await make({ exp: 60 }));
    const leftMs = (judged?.expiresAtMs ?? 0) - Date.now();
    expect(leftMs).toBeGreaterThan(60_000);
    expect(leftMs).toBeLessThan(66_000);
  });

  test.each<{ claims: JWTPayload; may: string[] }>([
    { claims: { scope: ["workflows:run"] }, may: ["read", "run"] },
    { claims: { scp: ["workflows:author"] }, may: ["author", "read"] },
    { claims: { roles: ["viewer", "operator"] }, may: ["read", "run", "transition"] },
    { claims: { roles: "editor", scope: "email" }, may: ["author", "deploy", "read", "run"] },
    { claims: { scope: { "workflows:admin": true }, roles: [["admin"], 1, null] }, may: [] },
    { claims: {}, may: [] },
  ])("with its scopes: $claims", async ({ claims, may }) => {
    const judged = await judge(
      await make({ claims: { sub: "user_1", org_id: "ws_a", ...claims } }),
    );
    const scopes = [...(judged?.caller.scopes ?? [])].map((scope) => scope.split(":")[1]);
    expect(scopes.sort()).toEqual(may);
  });

  test("as a service's where a client got it for itself", async () => {
    const of = async (more: JWTPayload) =>
      (await judge(await make({ claims: { ...CLAIMS, ...more } })))?.caller.isService;
    expect(await of({ sub: "billing", client_id: "billing" })).toBe(true);
    expect(await of({ client_id: "console" })).toBe(undefined);
  });

  test("with its workspace in another claim", async () => {
    judge = newJudge({ workspaceClaim: "tenant" });
    const claims = { ...CLAIMS, tenant: "ws_t" };
    expect((await judge(await make({ claims })))?.caller.workspaceId).toBe("ws_t");
    expect(await judge(await make())).toBeUndefined();
  });
});

describe("is not good", () => {
  test.each<Making>([
    { aud: "others" },
    { iss: "https://another" },
    { exp: -30 },
    { exp: null },
    { nbf: 30 },
    { typ: "logout+jwt" },
    { by: "stranger" },
    { kid: "unknown" },
    { kid: "../../rsa" },
    { claims: { sub: "user_1" } },
    { claims: { org_id: "ws_a" } },
    { claims: { sub: "user_1", org_id: ["ws_a"] } },
    { claims: { sub: "user_1", org_id: "" } },
    { claims: { sub: "user\u0000", org_id: "ws_a" } },
  ])("%o", async (making) => {
    expect(await judge(await make(making))).toBeUndefined();
  });

  test("alg none", async () => {
    const unsigned = `${encode({ alg: "none", kid: "rsa" })}.${encode(claimsNow())}.`;
    expect(await judge(unsigned)).toBeUndefined();
  });

  test("a public key as the secret", async () => {
    const body = `${encode({ alg: "HS256", kid: "rsa" })}.${encode(claimsNow())}`;
    const secret = await exportSPKI(pairs.rsa.publicKey);
    const signature = createHmac("sha256", secret).update(body).digest("base64url");
    expect(await judge(`${body}.${signature}`)).toBeUndefined();
  });

  test("a key that the token brings along", async () => {
    const jwk = await exportJWK(pairs.stranger.publicKey);
    const token = await new SignJWT(claimsNow())
      .setProtectedHeader({ alg: "RS256", jwk, jku: "https://stranger/jwks" })
      .sign(pairs.stranger.privateKey);
    expect(await judge(token)).toBeUndefined();
  });

  test("another's claims under a good signature", async () => {
    const [header, , signature] = (await make()).split(".");
    const claims = encode({ ...claimsNow(), org_id: "ws_b" });
    expect(await judge(`${header}.${claims}.${signature}`)).toBeUndefined();
  });

  test.each(["", "no-token", "a.b.c", "..."])("%s", async (token) => {
    expect(await judge(token)).toBeUndefined();
  });
});

test("AUTH_MODE=jwt authenticates callers by signed tokens; AUTH_MODE=none asks for no token", async () => {
  const settings = {
    issuer: "https://issuer",
    audience: "workflows",
    workspaceClaim: "org_id",
    agentClaim: "agent_type",
  };
  const clients = createClients(
    { urls: {}, protocol: "connect", timeoutMs: 1, concurrency: 1 },
    log,
  );
  const jwt = { mode: "jwt" as const, ...settings, jwksUrl: `${issuer.url}/jwks` };
  const callers = createCallers(jwt, { clients, log });
  expect((await callers?.find(await make()))?.subject).toBe("user_1");
  expect(await callers?.find(await make({ aud: "others" }))).toBeUndefined();
  expect(createCallers({ mode: "none" }, { clients, log })).toBeUndefined();
});

describe("the keys", () => {
  test("are read once, also for keys that are unknown", async () => {
    await Promise.all([judge(await make()), judge(await make())]);
    for (const kid of ["x", "y", "z"]) await judge(await make({ kid }));
    expect(issuer.asked.map(({ path }) => path)).toEqual(["/jwks"]);
  });

  test.each<{ how: string; answer: Answer }>([
    { how: "are away", answer: { status: 503 } },
    { how: "break off", answer: "reset" },
    { how: "are no keys", answer: { status: 200, json: { keys: "none" } } },
    { how: "lead elsewhere", answer: { status: 302, headers: { location: "http://127.0.0.1:1" } } },
  ])("$how: every caller is refused, and the token is not logged", async ({ answer }) => {
    trouble = answer;
    const token = await make();
    const error: unknown = await judge(token).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Refusal);
    expect(error).toMatchObject({ reason: "unavailable" });
    expect(lines).toHaveLength(1);
    expect(lines.join()).not.toContain(token.slice(-40));
    trouble = undefined;
    expect(await judge(token)).toBeDefined();
  });
});
