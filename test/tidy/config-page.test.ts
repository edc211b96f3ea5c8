/** docs/config.md is what the tables in the code say now. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { configPage } from "../../tools/config-page.ts";

it("docs/config.md is fresh: npx tsx tools/make-config-page.ts makes it", async () => {
  expect(await readFile("docs/config.md", "utf8")).toBe(configPage());
});
