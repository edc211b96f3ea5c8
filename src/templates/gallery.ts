/**
 * The templates of this release, read from `templates/` of the project, which the package has too.
 * Boundary: the only place that reads the files. They are read once, by the first call that asks.
 */
import { readdir, readFile } from "node:fs/promises";
import { readTemplate } from "./read-template.ts";
import type { Template } from "./template.ts";

/** As deep below the project as the compiled service. */
const FOLDER = new URL("../../templates/", import.meta.url);
let reading: Promise<readonly Template[]> | undefined;

/** All templates, by their titles. */
export function readGallery(): Promise<readonly Template[]> {
  reading ??= readAll();
  // The next call reads again what this one could not.
  reading.catch(() => {
    reading = undefined;
  });
  return reading;
}

async function readAll(): Promise<readonly Template[]> {
  const entries = await readdir(FOLDER, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const templates = await Promise.all(
    names.map(async (name) => {
      const [description, source] = await Promise.all(
        ["template.yaml", "workflow.yaml"].map((file) =>
          readFile(new URL(`${name}/${file}`, FOLDER), "utf8"),
        ),
      );
      return readTemplate(description ?? "", source ?? "");
    }),
  );
  return templates.sort((one, other) => (one.title < other.title ? -1 : 1));
}
