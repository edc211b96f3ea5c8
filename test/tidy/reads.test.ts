/** Each read for callers takes a Visibility, and the check sees one that does not. */
import { expect, test } from "vitest";
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
