/** What errors of the store are on the wire. */
import { Code } from "@connectrpc/connect";
import { DrizzleQueryError } from "drizzle-orm";
import pg from "pg";
import { expect, test } from "vitest";
import { RetryInfoSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import { toConnectError } from "../../../../src/ingress/rpc/errors.ts";
import { type Reason, Refusal } from "../../../../src/process/refusal.ts";
import { isTemporary } from "../../../../src/runtime/temporary.ts";

function databaseError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError("text of the server", 20, "error");
  error.code = code;
  return error;
}

test.each([
  ["57014", Code.DeadlineExceeded, "the query took too long; ask for less"],
  ["40001", Code.Aborted, "another call was faster; try again"],
  ["55P03", Code.Aborted, "another call was faster; try again"],
  ["57P01", Code.Unavailable, "the database is away; try again"],
])("SQLSTATE %s, from a statement or from the query builder", (sqlState, code, message) => {
  const error = databaseError(sqlState);
  for (const thrown of [error, new DrizzleQueryError("select", [], error)]) {
    const answer = toConnectError(thrown, 4_000);
    expect([answer.error.code, answer.error.rawMessage]).toEqual([code, message]);
    expect(answer.bug).toBe(false);
  }
});

const TEMPORARY = ["lost_race", "overloaded", "unavailable"] as const;
const FINAL = [
  "invalid_fields",
  "not_found",
  "already_exists",
  "illegal_move",
  "nothing_published",
  "workflow_paused",
  "too_large",
  "too_costly",
  "timed_out",
  "unauthenticated",
  "permission_denied",
] as const;

const REASONS: readonly [Reason, boolean][] = [
  ...TEMPORARY.map((reason): [Reason, boolean] => [reason, true]),
  ...FINAL.map((reason): [Reason, boolean] => [reason, false]),
];

test.each(REASONS)("a refusal %s is temporary: %s, and has RetryInfo if so", (reason, expected) => {
  // The cause of a refusal does not change what its reason says.
  const refusal = new Refusal(reason, "no", { cause: databaseError("57P01") });
  const { error } = toConnectError(refusal, 4_000);
  const hasRetryInfo = error.findDetails(RetryInfoSchema).length > 0;
  expect([isTemporary(refusal), hasRetryInfo]).toEqual([expected, expected]);
});

test.each([
  ["57P01", true],
  ["40001", true],
  ["23505", false],
])("an error of the database with SQLSTATE %s is temporary: %s", (sqlState, expected) => {
  expect(isTemporary(databaseError(sqlState))).toBe(expected);
});
