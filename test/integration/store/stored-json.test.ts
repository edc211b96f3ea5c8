/** Payloads as jsonb gives them back: the same text as from the database, and never more bytes than are counted. */
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { findPayloadFault } from "../../../src/engine/values/json.ts";
import { storedJson } from "../../../src/store/stored-json.ts";
import { freshDatabase } from "../../support/servers/database.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;
const MANY = 2 ** 30;
const DEPTH = 64;
const KEY = fc.oneof(
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom("__proto__", "10", "9", "b", "aa"),
);
const PAYLOAD = fc
  .dictionary(KEY, fc.jsonValue({ stringUnit: "binary", maxDepth: 3 }), { noNullPrototype: true })
  .map((value): JsonObject => JSON.parse(JSON.stringify(value)))
  .filter((value) => findPayloadFault(value, DEPTH) === undefined);

let sql: pg.Client;
let drop: () => Promise<void>;
beforeAll(async () => {
  const fresh = await freshDatabase();
  drop = fresh.drop;
  sql = new pg.Client({ connectionString: fresh.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await drop();
});

it("have the database's text", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(PAYLOAD, { minLength: 20, maxLength: 20 }), async (payloads) => {
      const { rows } = await sql.query<{ value: JsonObject; bytes: number }>(
        `select value, octet_length(value::text) as bytes
          from unnest($1::jsonb[]) with ordinality as v(value, place) order by place`,
        [payloads.map((each) => JSON.stringify(each))],
      );
      for (const [place, { value, bytes }] of rows.entries()) {
        const made = storedJson(payloads[place] ?? {}, MANY);
        expect(JSON.stringify(made?.value)).toBe(JSON.stringify(value));
        expect(made?.bytes).toBeGreaterThanOrEqual(bytes);
      }
    }),
    { numRuns: 50 },
  );
});

it.each([
  ["a negative zero", { zero: -0 }],
  ["numbers without an exponent in the database", { large: 1e300, small: 5e-324, not: 1e20 }],
  ["keys by their bytes", { "\u{1f600}": 1, "\uffff": 2, aaaa: 3, bbb: 4 }],
] as const)("%s", async (_what, payload) => {
  const { rows } = await sql.query<{ value: JsonObject; bytes: number }>(
    "select $1::jsonb as value, octet_length($1::jsonb::text) as bytes",
    [JSON.stringify(payload)],
  );
  const made = storedJson(payload, MANY);
  expect(made?.value).toStrictEqual(rows[0]?.value);
  expect(JSON.stringify(made?.value)).toBe(JSON.stringify(rows[0]?.value));
  expect(made?.bytes).toBeGreaterThanOrEqual(rows[0]?.bytes ?? NO_LIMIT);
});

it("are not copied when their text is too long", () => {
  expect(storedJson({ text: "x".repeat(100) }, 100)).toBeUndefined();
  expect(storedJson({ list: [1, 2, 3] }, 10)).toBeUndefined();
  expect(storedJson({ text: "" }, 100)?.value).toEqual({ text: "" });
});
