/** Writes docs/config.md. */
import { writeFile } from "node:fs/promises";
import { configPage } from "./config-page.ts";

await writeFile("docs/config.md", configPage());
