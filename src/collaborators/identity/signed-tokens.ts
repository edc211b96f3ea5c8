/**
 * Judges a signed token (JWT) by the issuer's published keys (JWKS).
 * Boundary: signature and claims; remembering is token-memory.ts.
 * Invariants:
 * 1. Only asymmetric algorithms: a public key is never taken for a shared secret, `none` never for a signature. Keys come
 *    from the configured address alone, whatever a token's header names.
 * 2. Fails closed: without the keys every caller is refused.
 */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import { Refusal } from "../../process/refusal.ts";
import { readCaller } from "./read-caller.ts";
import type { GoodToken, JudgeToken } from "./token-memory.ts";

/** Whose tokens are good. */
export interface SignatureSettings {
  /** What `iss` must be. */
  readonly issuer: string;
  /** What `aud` must be or hold. */
  readonly audience: string;
  readonly jwksUrl: string;
  /** The claim that names the workspace. */
  readonly workspaceClaim: string;
  /** The claim that only tokens of agents have. */
  readonly agentClaim: string;
}

const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
/** Kinds of tokens that are no access tokens say so. */
const TYPES: readonly unknown[] = [undefined, "jwt", "at+jwt", "application/at+jwt"];
const SKEW_S = 5;
const KEYS_TIMEOUT_MS = 2_000;
const KEYS_KEPT_MS = 600_000;
/** A token that names an unknown key makes the keys be read again, this seldom. */
const KEYS_COOLDOWN_MS = 30_000;

/** Errors that say of the token that it is not good; all others say that it could not be judged. */
const ABOUT_TOKEN: ReadonlySet<string> = new Set([
  errors.JWTExpired.code,
  errors.JWTInvalid.code,
  errors.JWTClaimValidationFailed.code,
  errors.JWSInvalid.code,
  errors.JWSSignatureVerificationFailed.code,
  errors.JOSEAlgNotAllowed.code,
  errors.JOSENotSupported.code,
  errors.JWKSNoMatchingKey.code,
  errors.JWKSMultipleMatchingKeys.code,
]);

/** Judges tokens by their signatures and claims. Keys are read when they are first needed. */
export function verifySignatures(settings: SignatureSettings, log: Log): JudgeToken {
  const { issuer, audience, jwksUrl } = settings;
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: KEYS_TIMEOUT_MS,
    cacheMaxAge: KEYS_KEPT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
  });
  const rules = {
    issuer,
    audience,
    algorithms: ALGORITHMS,
    requiredClaims: ["exp"],
    clockTolerance: SKEW_S,
  };
  return async (token) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, rules);
      const isAccess = TYPES.includes(protectedHeader.typ?.toLowerCase());
      return isAccess ? readClaims(payload, settings) : undefined;
    } catch (error) {
      const code = error instanceof errors.JOSEError ? error.code : undefined;
      if (code !== undefined && ABOUT_TOKEN.has(code)) return undefined;
      log.warn("the keys of tokens cannot be read", { code: code ?? "no answer" });
      count("workflows_tokens_not_judged_total");
      throw new Refusal("unavailable", "the caller's token cannot be checked just now; try again");
    }
  };
}

function readClaims(claims: JWTPayload, settings: SignatureSettings): GoodToken | undefined {
  const { sub = "", exp = 0 } = claims;
  const workspaceId = claims[settings.workspaceClaim];
  const isAgent = isGiven(claims[settings.agentClaim]);
  // A token that a client got for itself names the client as its subject (RFC 9068, 2.2).
  const isService = !isAgent && isGiven(sub) && claims.client_id === sub;
  const words = [claims.scope, claims.scp, claims.roles].flatMap(readWords);
  const caller =
    typeof workspaceId === "string"
      ? readCaller({ subject: sub, workspaceId, words, isAgent, isService })
      : undefined;
  return caller && { caller, expiresAtMs: (exp + SKEW_S) * 1000 };
}

/** A claim of any kind counts, but for one that says that there is none. */
function isGiven(claim: unknown): boolean {
  return claim !== undefined && claim !== null && claim !== "" && claim !== false;
}

/** A claim's words: a list, or one text with spaces between them. */
function readWords(claim: unknown): string[] {
  if (typeof claim === "string") return claim.split(" ");
  if (!Array.isArray(claim)) return [];
  return claim.filter((word) => typeof word === "string");
}
