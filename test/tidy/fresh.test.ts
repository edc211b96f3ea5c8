/**
 * What is generated and committed is what its source generates now, and the check of migrations
 * sees a row that changed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pgTable, text } from "drizzle-orm/pg-core";
import { expect, test } from "vitest";
import { checkContract, checkGenerated } from "../../tools/check-generated.ts";
import {
  checkMigrations,
  describeRows,
  findMigrationProblems,
} from "../../tools/check-migrations.ts";

const MIGRATIONS = fileURLToPath(new URL("../../migrations/", import.meta.url));

test("proto/ keeps its lint rules and format", async () => {
  expect(await checkContract()).toEqual([]);
});

test("gen/ is what proto/ generates", async () => {
  expect(await checkGenerated()).toEqual([]);
});

test("migrations/ holds every change of src/store/schema/", async () => {
  expect(await checkMigrations()).toEqual([]);
});

test("migrations after the first make and drop no index: src/store/indexes.ts does, without a lock", () => {
  const later = readdirSync(MIGRATIONS).filter((file) => /^(?!0000).*\.sql$/.test(file));
  expect(later).not.toEqual([]);
  const texts = later.map((file) => readFileSync(`${MIGRATIONS}${file}`, "utf8"));
  expect(texts.filter((text) => /^\s*(create|drop)\s+(unique\s+)?index/im.test(text))).toEqual([]);
});

test.each([
  ["an added column", { id: text("id"), name: text("name") }],
  ["a renamed column", { key: text("key") }],
  ["a column that became required", { id: text("id").notNull() }],
])("%s without a migration is reported", (_, columns) => {
  const migrated = describeRows({ planted: pgTable("planted", { id: text("id") }) });
  const described = describeRows({ planted: pgTable("planted", columns) });
  expect(findMigrationProblems(migrated, migrated)).toEqual([]);
  expect(findMigrationProblems(described, migrated)).toHaveLength(1);
});
