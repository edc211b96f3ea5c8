/** docs/scaling.md says how each table grows. */
import { readFile } from "node:fs/promises";
import { getTableName, is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import { expect, test } from "vitest";
import { tables } from "../../src/store/schema/tables.ts";

test("each table has a line that says how it grows", async () => {
  const page = await readFile(new URL("../../docs/scaling.md", import.meta.url), "utf8");
  const lines = page.split("\n").filter((line) => line.startsWith("| `"));
  const named = new Set(lines.flatMap((line) => line.split(" | ")[0]?.match(/[a-z_]+/g) ?? []));
  const all = Object.values(tables).flatMap((table) =>
    is(table, PgTable) ? [getTableName(table)] : [],
  );
  expect(all.length).toBeGreaterThan(40);
  expect(all.filter((name) => !named.has(name))).toEqual([]);
});
