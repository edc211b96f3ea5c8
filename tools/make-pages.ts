/** Writes the pages of docs/ that are made from the code. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pages } from "./pages.ts";
import { projectRoot } from "./run-command.ts";

for (const [path, make] of Object.entries(pages)) {
  await writeFile(join(projectRoot, path), await make());
}
