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

async function readManifest(): Promise<Record<string, Chunk>> {
  return JSON.parse(await readFile(join(CONSOLE_FOLDER, ".vite", "manifest.json"), "utf8"));
}

test.each([
  "src/pages/home.tsx",
  "src/pages/workflows.tsx",
  "src/pages/workflow.tsx",
  "src/pages/runs.tsx",
  "src/pages/run/run-page.tsx",
  "src/pages/inbox/inbox-page.tsx",
  "src/pages/inbox/item-page.tsx",
  "src/pages/templates.tsx",
  "src/pages/template.tsx",
  "src/pages/system.tsx",
  "src/pages/sign-in.tsx",
])(`the first paint of %s loads less than ${FIRST_PAINT_BYTES} bytes`, async (page) => {
  const manifest = await readManifest();
  const files = new Set([...filesOf(manifest, "index.html"), ...filesOf(manifest, page)]);
  const sizes = await Promise.all(
    [...files].map(async (file) => (await readFile(join(CONSOLE_FOLDER, `${file}.gz`))).length),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_PAINT_BYTES);
});

test("what a page alone needs is loaded with that page", async () => {
  const manifest = await readManifest();
  const first = filesOf(manifest, "index.html");
  const parts = [
    ...["parts/graph/workflow-graph.tsx", "parts/workflows/compare.tsx", "api/oidc.ts"],
    ...["parts/workflows/draft/editor.tsx", "parts/workflows/draft/compiled.ts"],
    ...["parts/workflows/designer/designer.tsx", "parts/workflows/designer/expression-field.tsx"],
    ...["parts/workflows/deployments/deployments-tab.tsx"],
  ];
  for (const part of parts) {
    const chunk = manifest[`src/${part}`];
    expect(chunk, part).toBeDefined();
    expect([...first], part).not.toContain(chunk?.file);
  }
});
