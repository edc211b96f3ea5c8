/** Each read for callers takes a Visibility, the check sees one that does not, and no handler can pass it or its Write by. */
import { expect, test } from "vitest";
import type { ReadDeps, WriteDeps } from "../../src/ingress/rpc/service-deps.ts";
import { findRunRows } from "../../src/store/reads/runs.ts";
import type { Visibility } from "../../src/store/reads/visibility.ts";
import { readSourceFiles } from "../../tools/check-imports.ts";
import { callersReads, checkReads, findUnaskedReads } from "../../tools/check-reads.ts";

/** The problems of a tree with one file. */
function problemsOf(path: string, text: string): string[] {
  return findUnaskedReads(new Map([[path, text]]));
}

test("each read of src/store/reads/ takes a Visibility", async () => {
  expect(await checkReads()).toEqual([]);
  const names = callersReads(await readSourceFiles()).map(({ name }) => name);
  expect(names).toContain("findDefinition");
  expect(names).toContain("listRuns");
});

test.each([
  "export function findRun(db: Queries, id: string): Promise<Run> {",
  "export async function findRun(\n  db: Queries,\n  id: string,\n): Promise<Run> {",
  "export async function findRun<Row>(id: (row: Row) => string, { read }: Database) {",
  "export const findRun = async (tx: Tx, id: string) => read(tx, id);",
  "export const findRun: (db: Queries) => Promise<Run> = async (db) => read(db);",
  "export const findRun: Find = async <Row>(tx: Tx) => read<Row>(tx);",
])("a planted read without a Visibility is reported: %s", (text) => {
  expect(problemsOf("src/store/reads/runs.ts", text)).toEqual([
    "src/store/reads/runs.ts: findRun reads for callers and takes no Visibility",
  ]);
});

test.each([
  ["src/store/reads/runs.ts", "export function findRun(db: Queries, visibility: Visibility) {"],
  ["src/store/reads/runs.ts", "export function specOf(row: VersionRow): VersionSpec {"],
  ["src/store/reads/runs.ts", "function read(db: Queries, name: string): Prepared {"],
  ["src/store/service-reads/due.ts", "export function findDue(db: Queries): Promise<Due[]> {"],
])("what is allowed is not reported: %s: %s", (path, text) => {
  expect(problemsOf(path, text)).toEqual([]);
});

test("what a handler could forget does not compile", () => {
  // Judged by `npm run check`: a line that compiles makes its @ts-expect-error a fault.
  const forgetful = (reading: ReadDeps, writing: WriteDeps, runId: string) => [
    // @ts-expect-error a read without a Visibility
    findRunRows(reading.database.callers, runId),
    // @ts-expect-error a Visibility that the handler makes of a workspace
    findRunRows(reading.database.callers, { workspaceId: "" } satisfies Visibility, runId),
    // @ts-expect-error a read that writes
    reading.write.submit,
    // @ts-expect-error a transaction of the handler's own
    writing.database.transaction,
    // @ts-expect-error a submission past the Write, without the caller's key
    writing.processor,
  ];
  expect(forgetful).toBeTypeOf("function");
});
