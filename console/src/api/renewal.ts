/**
 * Tokens that end: a new one is got before that by the refresh token, where the provider gave one.
 * Boundary: when; how is oidc.ts. oauth4webapi is loaded when it is needed.
 * Invariants:
 * 1. At most one renewal is under way: a refresh token is good once.
 * 2. A token that was refused is not sent again: it is renewed once, else forgotten.
 */
import type { OidcConfig } from "./config.ts";
import { type Grant, sessionNow, signIn, signOut } from "./session.ts";

/** So long before its end a token is renewed. */
const EARLY_MS = 30_000;
/** Of a token that lives shorter than four times that. */
const EARLY_SHARE = 0.25;
/** A token that is refused so soon after its renewal is not renewed: the next one would be refused, too. */
const FRESH_MS = 10_000;
/** So long after a renewal that failed, calls do not wait for the next one. */
const AGAIN_MS = 5_000;

let renewing: Promise<string | undefined> | undefined;
/** The token that the last renewal gave. */
let renewed = "";
let gotAtMs = Date.now();
let failedAtMs = 0;

/** The token for a call; "" where nobody is signed in. */
export async function tokenForCall(oidc: OidcConfig | undefined): Promise<string> {
  const { grant } = sessionNow();
  if (grant === undefined) return "";
  if (oidc === undefined || grant.refreshToken === "" || !endsSoon(grant)) return grant.token;
  if (Date.now() - failedAtMs < AGAIN_MS) return grant.token;
  // Until its end the old one is good, whether the provider answers or not.
  return (await renew(oidc, grant)) ?? grant.token;
}

/** The token of calls whose end a page must understand, such as streams. */
export interface CarriedToken {
  /** Before each call. */
  take(): Promise<void>;
  /** The service refused that call's token. Gives whether there is another one now. */
  isRenewed(): Promise<boolean>;
}

/** Remembers which token a call carries. */
export function carriedToken(oidc: OidcConfig | undefined): CarriedToken {
  let token = "";
  return {
    async take() {
      token = await tokenForCall(oidc);
    },
    isRenewed: () => afterRefusal(oidc, token),
  };
}

/** The service refused this token. Gives whether there is another one now. */
export async function afterRefusal(
  oidc: OidcConfig | undefined,
  refused: string,
): Promise<boolean> {
  const { grant } = sessionNow();
  if (grant === undefined) return false;
  if (grant.token !== refused) return true;
  if (oidc !== undefined && grant.refreshToken !== "" && !isFresh(grant)) {
    if ((await renew(oidc, grant)) !== undefined) return true;
  }
  if (sessionNow().grant?.token === refused) signOut(true);
  return false;
}

function isFresh(grant: Grant): boolean {
  return grant.token === renewed && Date.now() - gotAtMs < FRESH_MS && !endsSoon(grant);
}

function endsSoon({ endsAtMs }: Grant): boolean {
  if (endsAtMs === 0) return false;
  const lifeMs = endsAtMs - gotAtMs;
  return Date.now() > endsAtMs - Math.min(EARLY_MS, lifeMs * EARLY_SHARE);
}

function renew(oidc: OidcConfig, { refreshToken }: Grant): Promise<string | undefined> {
  renewing ??= ask(oidc, refreshToken).finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function ask(oidc: OidcConfig, refreshToken: string): Promise<string | undefined> {
  try {
    const { renewGrant } = await import("./oidc.ts");
    const next = await renewGrant(oidc, refreshToken);
    // Somebody may have signed out, or in, meanwhile.
    if (sessionNow().grant?.refreshToken !== refreshToken) return undefined;
    gotAtMs = Date.now();
    renewed = next.token;
    signIn(next, true);
    return next.token;
  } catch {
    failedAtMs = Date.now();
    return undefined;
  }
}
