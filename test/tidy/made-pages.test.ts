/** The pages of docs/ that are made from the code are what the code says now. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pages } from "../../tools/pages.ts";
import { projectRoot } from "../../tools/run-command.ts";

test.each(Object.entries(pages))(
  "%s is fresh: npx tsx tools/make-pages.ts makes it",
  async (path, make) => {
    expect(await readFile(join(projectRoot, path), "utf8")).toBe(await make());
  },
);
