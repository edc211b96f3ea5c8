/**
 * Command line: writes the histories of this release into testdata/histories, out of what the runtime records.
 *
 *     npx tsx tools/make-histories.ts
 *
 * Every scenario is played on a Postgres of its own. Run it when the scenarios or the recorded form have changed and the
 * release of package.json is not out yet; the file of a release that is out is never written again.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { HISTORIES_FOLDER } from "../test/support/histories/kept-histories.ts";
import { playHistories } from "../test/support/scenarios/scenario-histories.ts";
import { startParts } from "./parts/parts.ts";

const parts = await startParts({ fastDisk: true, log: (line) => console.error(line) });
process.env.TEST_DATABASE_URL = parts.databaseUrl;
try {
  const about: unknown = JSON.parse(
    await readFile(new URL("../package.json", import.meta.url), "utf8"),
  );
  const histories = await playHistories();
  const lines = histories.map((history) => `${JSON.stringify(history)}\n`);
  await mkdir(HISTORIES_FOLDER, { recursive: true });
  await writeFile(`${HISTORIES_FOLDER}${releaseOf(about)}.jsonl`, lines.join(""));
  console.log(`${histories.length} histories written`);
} finally {
  await parts.stop();
}

function releaseOf(about: unknown): string {
  const { version } = Object(about) as { version?: unknown };
  if (typeof version !== "string") throw new Error("package.json names no version");
  return version;
}
