/** What a browser loads before it paints a page, compressed. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CONSOLE_FOLDER } from "../../src/process/console-folder.ts";

const FIRST_PAINT_BYTES = 200_000;

/** One entry of the manifest that the bundler writes. */
interface Chunk {
  readonly file: string;
  readonly css?: readonly string[];
  readonly imports?: readonly string[];
  readonly isEntry?: boolean;
}

/** The files that a chunk needs, with those of what it imports at once. */
function filesOf(manifest: Readonly<Record<string, Chunk>>, name: string): Set<string> {
  const chunk = manifest[name];
  if (chunk === undefined) throw new Error(`the manifest has no ${name}`);
  const files = new Set([chunk.file, ...(chunk.css ?? [])]);
  for (const imported of chunk.imports ?? []) {
    for (const file of filesOf(manifest, imported)) files.add(file);
  }
  return files;
}

test.each([
  "src/pages/home.tsx",
  "src/pages/workflows.tsx",
  "src/pages/runs.tsx",
  "src/pages/inbox/inbox-page.tsx",
  "src/pages/inbox/item-page.tsx",
  "src/pages/system.tsx",
  "src/pages/sign-in.tsx",
])(`the first paint of %s loads less than ${FIRST_PAINT_BYTES} bytes`, async (page) => {
  const text = await readFile(join(CONSOLE_FOLDER, ".vite", "manifest.json"), "utf8");
  const manifest: Record<string, Chunk> = JSON.parse(text);
  const files = new Set([...filesOf(manifest, "index.html"), ...filesOf(manifest, page)]);
  const sizes = await Promise.all(
    [...files].map(async (file) => (await readFile(join(CONSOLE_FOLDER, `${file}.gz`))).length),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_PAINT_BYTES);
});
