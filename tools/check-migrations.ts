/**
 * Checks whether migrations/ already holds every change of the rows that src/store/schema/
 * describes: the schema, as drizzle-kit sees it, must equal the snapshot of the last migration.
 *
 * Boundary: needs no database and writes nothing. The command `drizzle-kit generate` is not asked,
 * because it ends with 0 where it would ask whether a column was renamed.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { generateDrizzleJson } from "drizzle-kit/api";
import { tables } from "../src/store/schema/tables.ts";
import { projectRoot } from "./run-command.ts";

/** Rows as drizzle-kit describes them, by section; other keys name the snapshot itself. */
type Snapshot = Readonly<Record<string, unknown>>;

const SECTIONS = ["tables", "enums", "schemas", "sequences", "roles", "policies", "views"];

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(projectRoot, path), "utf8"));
}

function isSnapshot(value: unknown): value is Snapshot {
  return typeof value === "object" && value !== null && "tables" in value;
}

function isEntry(value: unknown): value is { readonly idx: number } {
  return typeof value === "object" && value !== null && "idx" in value;
}

/** The snapshot of the last migration in the journal. */
async function readLastSnapshot(): Promise<unknown> {
  const journal = await readJson("migrations/meta/_journal.json");
  const entries: unknown =
    typeof journal === "object" && journal && "entries" in journal ? journal.entries : undefined;
  const last: unknown = Array.isArray(entries) ? entries.at(-1) : undefined;
  // Branches take numbers side by side: one may be left out.
  const number = isEntry(last) ? last.idx : 0;
  return readJson(`migrations/meta/${String(number).padStart(4, "0")}_snapshot.json`);
}

/** The sections in which two snapshots differ, each as one problem. */
export function findMigrationProblems(described: unknown, migrated: unknown): string[] {
  if (!isSnapshot(described) || !isSnapshot(migrated)) return ["a snapshot has no tables"];
  return SECTIONS.filter(
    (section) => !isDeepStrictEqual(described[section] ?? {}, migrated[section] ?? {}),
  ).map((section) => `${section} of src/store/schema/ are not migrated: npm run migrations`);
}

/** What src/store/schema/ describes, as plain JSON like the snapshots on disk. */
export function describeRows(schema: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(JSON.stringify(generateDrizzleJson({ ...schema })));
}

/** Compares src/store/schema/ with the last migration. Gives a problem per section that differs. */
export async function checkMigrations(): Promise<string[]> {
  return findMigrationProblems(describeRows(tables), await readLastSnapshot());
}
