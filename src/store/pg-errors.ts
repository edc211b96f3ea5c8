/**
 * What an error of the database means to the service, told by SQLSTATE, errno or class, never by its text.
 * Boundary: the one place that knows these codes.
 */
import { DrizzleQueryError } from "drizzle-orm";
import pg from "pg";

/** The connection to Postgres broke or could not be made; what the last statement did is unknown. */
export class DatabaseAway extends Error {
  override readonly name = "DatabaseAway";
}

// Server is stopping, starting, crashed (57P0x), read-only after a failover (25006), full or out of connections (53).
const AWAY_STATES = new Set(["57P01", "57P02", "57P03", "25006"]);
const AWAY_CLASSES = new Set(["08", "53", "58"]);
const AWAY_ERRNOS = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);
// Serialization failure, deadlock, lock_timeout, statement_timeout, idle in transaction for too long.
const RACE_STATES = new Set(["40001", "40P01", "55P03", "57014", "25P03"]);
const TIMED_OUT_STATE = "57014";
// statement_timeout, idle in transaction for too long; and class 54: a statement or value is larger than Postgres takes.
const OVERRUN_STATES = new Set(["57014", "25P03"]);
const OVERRUN_CLASS = "54";
const CAUSES_AT_MOST = 5;

/** Whether the database cannot be reached or used now, so that the same work may succeed later. */
export function isAway(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    if (cause instanceof DatabaseAway) return true;
    // The query builder wraps what the client threw.
    if (cause instanceof DrizzleQueryError) {
      return translateClientError(cause.cause) instanceof DatabaseAway || isAway(cause.cause);
    }
    const code = codeOf(cause);
    if (cause instanceof pg.DatabaseError) {
      return AWAY_STATES.has(code) || AWAY_CLASSES.has(code.slice(0, 2));
    }
    return AWAY_ERRNOS.has(code);
  });
}

/** Whether a transaction lost against another one or a time limit and may succeed when repeated. */
export function isLostRace(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => cause instanceof pg.DatabaseError && RACE_STATES.has(codeOf(cause)),
  );
}

/** Whether a statement was ended because it took too long: nothing was in its way. */
export function isTimedOut(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => cause instanceof pg.DatabaseError && codeOf(cause) === TIMED_OUT_STATE,
  );
}

/** Whether the work itself was too long or too large: repeated as it is, it fails again. */
export function isOverrun(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    if (!(cause instanceof pg.DatabaseError)) return false;
    const code = codeOf(cause);
    return OVERRUN_STATES.has(code) || code.startsWith(OVERRUN_CLASS);
  });
}

/**
 * An error of a client, as the service throws it on: what the server answered and what is a fault of
 * ours stays; everything else that a client throws means that the connection is not usable.
 */
export function translateClientError(error: unknown): unknown {
  if (error instanceof pg.DatabaseError || error instanceof DatabaseAway) return error;
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return new DatabaseAway("the connection to the database failed", { cause: error });
}

const CONNECT_TROUBLES: Readonly<Record<string, string>> = {
  "28P01": "Postgres refuses its user or password",
  "28000": "Postgres refuses its user",
  "3D000": "Postgres has no such database",
  "42501":
    "its user may not create the service's tables in the schema public and the schema drizzle",
  "3F000": "the database has no schema public",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate of Postgres is not trusted (self-signed)",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate of Postgres is not trusted (self-signed)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the certificate of Postgres is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate of Postgres is not trusted",
  CERT_HAS_EXPIRED: "the certificate of Postgres has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate of Postgres is for another host",
};

/** What keeps the first connection from being made, in words; undefined when it is something else. */
export function connectTrouble(error: unknown): string | undefined {
  const codes = causesOf(error).map(codeOf);
  const refused = codes.map((code) => CONNECT_TROUBLES[code]).find((text) => text !== undefined);
  if (refused !== undefined || !isAway(error)) return refused;
  const code = codes.find((text) => text !== "");
  return `Postgres does not answer there${code === undefined ? "" : ` (${code})`}`;
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  let cause = error;
  while (cause !== undefined && causes.length < CAUSES_AT_MOST) {
    causes.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
