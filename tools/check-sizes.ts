/**
 * Finds files of src/ that are too long. Functions are biome's to count (`noExcessiveLinesPerFunction` in biome.json).
 *
 * Boundary: counts lines, comments included, because a reader scrolls over them. There is no list of exceptions.
 */
import { readSourceFiles, type SourceFiles } from "./check-imports.ts";

const LINES_AT_MOST = 300;

/** The files with too many lines, each as one problem. */
export function findLongFiles(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.trimEnd().split("\n").length;
    return lines <= LINES_AT_MOST ? [] : [`${path} has ${lines} lines, over ${LINES_AT_MOST}`];
  });
}

/** The files of src/ that are too long. */
export async function checkSizes(): Promise<string[]> {
  return findLongFiles(await readSourceFiles());
}
