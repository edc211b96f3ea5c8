/**
 * What an error of the database means to the service, recognised by SQLSTATE, errno or class, never by its text.
 * Boundary: the one place that knows these codes.
 */
import { DrizzleQueryError } from "drizzle-orm";
import pg from "pg";

/** The connection to Postgres broke or could not be made; what the last statement did is unknown. */
export class DatabaseAway extends Error {
  override readonly name = "DatabaseAway";
}

// Server is stopping, starting, crashed (57P0x), read-only after a failover (25006), full or out of connections (53);
// a new connection is refused: its user or password (28), an unknown database (3D000), one that takes no connections.
const NO_CONNECTIONS_STATE = "55000";
const AWAY_STATES = new Set(["57P01", "57P02", "57P03", "25006", "3D000", NO_CONNECTIONS_STATE]);
const AWAY_CLASSES = new Set(["08", "28", "53", "58"]);
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
const NOT_A_VALUE_STATE = "22023";
const UNKNOWN_SETTING_STATE = "42704";
const DIVISION_BY_ZERO_STATE = "22012";
const TAKEN_STATE = "23505";
const TIMED_OUT_STATE = "57014";
// statement_timeout, idle in transaction for too long; and class 54: a statement or value is larger than Postgres
// takes.
const OVERRUN_STATES = new Set(["57014", "25P03"]);
const OVERRUN_CLASS = "54";
const CAUSES_AT_MOST = 5;

/** A transaction was sent as one statement, and its answer is lost: whether it is committed is unknown. */
export class AnswerLost extends Error {
  override readonly name = "AnswerLost";
}

/** Whether the server answered that it did not do the statement; an end of the session (FATAL) says nothing of it. */
export function isRefused(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR";
}

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

/** Whether a transaction was asked for by an id that the server has not given to any. */
export function isUnknownTransaction(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => cause instanceof pg.DatabaseError && codeOf(cause) === NOT_A_VALUE_STATE,
  );
}

/** Whether a statement read a setting by a name that does not exist. */
export function isUnknownSetting(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => cause instanceof pg.DatabaseError && codeOf(cause) === UNKNOWN_SETTING_STATE,
  );
}

/** Whether a statement divided by zero. */
export function isDivisionByZero(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => cause instanceof pg.DatabaseError && codeOf(cause) === DIVISION_BY_ZERO_STATE,
  );
}

/** Whether a statement wrote a row whose key is taken; also by the query builder. */
export function isTakenKey(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => cause instanceof pg.DatabaseError && codeOf(cause) === TAKEN_STATE,
  );
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
  [NO_CONNECTIONS_STATE]: "the database takes no connections",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate of Postgres is not trusted (self-signed)",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate of Postgres is not trusted (self-signed)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the certificate of Postgres is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate of Postgres is not trusted",
  CERT_HAS_EXPIRED: "the certificate of Postgres has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate of Postgres is for another host",
};
const SCHEMA_TROUBLES: Readonly<Record<string, string>> = {
  "42501":
    "its user may not create the service's tables in the schema public and the schema drizzle",
  "3F000": "the database has no schema public",
  "55P03": "another session keeps a lock that a migration needs (pg_locks shows it)",
};

/** What keeps the first connection and the schema from being made, in words; undefined when it is something else. */
export function startTrouble(error: unknown): string | undefined {
  return textOf(SCHEMA_TROUBLES, causesOf(error)) ?? connectTrouble(error);
}

/** What keeps a connection from being made or used, in words; undefined when it is something else. */
export function connectTrouble(error: unknown): string | undefined {
  const causes = causesOf(error);
  const known = textOf(CONNECT_TROUBLES, causes) ?? fileTrouble(causes);
  if (known !== undefined || !isAway(error)) return known;
  const code = causes.map(codeOf).find((text) => text !== "");
  if (code !== undefined) return `Postgres does not answer there (${code})`;
  // What the client itself gives up for has no code: no TLS at the server, no password in the URL.
  const last = causes.at(-1);
  return `no connection can be made: ${last instanceof Error ? last.message : "unknown cause"}`;
}

function textOf(troubles: Readonly<Record<string, string>>, causes: readonly unknown[]) {
  return causes.map((cause) => troubles[codeOf(cause)]).find((text) => text !== undefined);
}

/** A file of `sslrootcert`, `sslcert` or `sslkey` that cannot be opened. */
function fileTrouble(causes: readonly unknown[]): string | undefined {
  for (const cause of causes) {
    if (!(cause instanceof Error && "syscall" in cause && "path" in cause)) continue;
    if (cause.syscall !== "open") continue;
    return `the file ${cause.path}, which DATABASE_URL names, cannot be read (${codeOf(cause)})`;
  }
  return undefined;
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
