/** What errors of the store are on the wire. */
import { Code } from "@connectrpc/connect";
import { DrizzleQueryError } from "drizzle-orm";
import pg from "pg";
import { expect, test } from "vitest";
import { toConnectError } from "../../src/ingress/rpc/errors.ts";

function databaseError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError("words of the server", 20, "error");
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
    const told = toConnectError(thrown, 4_000);
    expect([told.error.code, told.error.rawMessage]).toEqual([code, message]);
    expect(told.bug).toBe(false);
  }
});
