/**
 * Command line: writes testdata/fixtures anew out of what the live service answers and publishes.
 *
 *     npx tsx tools/make-fixtures.ts
 *
 * The story is played for each format of the bus, on servers of its own. Ids and times are made stable; all else stands
 * as it came. The diff is for a person to read: what changes there changes for every other team. When nothing but ids
 * and times is new, nothing is written.
 */
import { deepStrictEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";
import {
  BUS_FORMATS,
  type BusFormat,
  envelopeToBinary,
  FIXTURES_FOLDER,
  readFixture,
} from "../test/support/fixtures/fixture-files.ts";
import { hideTimes, normaliseDocuments } from "../test/support/fixtures/fixture-normaliser.ts";
import { playFixtures } from "../test/support/fixtures/fixture-story.ts";
import { startParts } from "./parts/parts.ts";
import { problemsOf } from "./run-command.ts";

const PLAYS_AT_MOST = 20;

const parts = await startParts({ fastDisk: true, log: (line) => console.error(line) });
process.env.TEST_DATABASE_URL = parts.databaseUrl;
try {
  const files = new Map<string, JsonValue>();
  for (const format of BUS_FORMATS) {
    for (const [file, document] of await playLike(files, format)) files.set(file, document);
  }
  if (![...files].every(([file, document]) => isSame(document, readIfThere(file)))) {
    for (const [file, document] of files) await writeFile(pathOf(file), contentOf(file, document));
    const problems = await problemsOf("biome", ["format", "--write", FIXTURES_FOLDER.pathname]);
    for (const problem of problems) console.error(problem);
    console.log(`${files.size} files written`);
  } else {
    console.log("nothing has changed but ids and times; the files are left as they are");
  }
} finally {
  await parts.stop();
}

/**
 * Plays the story until it agrees with what is known already. Only times may disagree: the two runs of one trigger move
 * side by side, and which is first is chance. Throws when anything else does.
 */
async function playLike(
  known: ReadonlyMap<string, JsonValue>,
  format: BusFormat,
): Promise<[string, JsonValue][]> {
  for (let play = 1; play <= PLAYS_AT_MOST; play += 1) {
    console.error(`BUS_FORMAT=${format}: story ${play}`);
    const played = Object.entries(normaliseDocuments((await playFixtures(format)).documents));
    const shared = played.filter(([file]) => known.has(file));
    for (const [file, document] of shared) {
      deepStrictEqual(hideTimes(document), hideTimes(known.get(file) ?? null), file);
    }
    if (shared.every(([file, document]) => isDeepStrictEqual(document, known.get(file)))) {
      return played;
    }
  }
  throw new Error(`no story of ${PLAYS_AT_MOST} with BUS_FORMAT=${format} had the same times`);
}

function isSame(document: JsonValue, before: JsonValue | undefined): boolean {
  return before !== undefined && isDeepStrictEqual(hideTimes(document), hideTimes(before));
}

function readIfThere(file: string): JsonValue | undefined {
  return existsSync(pathOf(file)) ? readFixture(file) : undefined;
}

function pathOf(file: string): URL {
  return new URL(file, FIXTURES_FOLDER);
}

function contentOf(file: string, document: JsonValue): string | Uint8Array {
  if (file.endsWith(".binpb")) return envelopeToBinary(document);
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
