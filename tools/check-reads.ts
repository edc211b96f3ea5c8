/**
 * Finds reads for callers that do not ask what their caller may see: each exported function of src/store/reads/ that
 * takes a way to the database takes a Visibility too.
 *
 * Boundary: reads text, as check-imports.ts does. That a read applies what it takes is test/contract/visibility.test.ts.
 */
import { readSourceFiles, type SourceFiles } from "./check-imports.ts";

/** An exported function of src/store/reads/ that reads. */
export interface CallersRead {
  readonly path: string;
  readonly name: string;
  readonly seesByType: boolean;
}

const FOLDER = /^src\/store\/reads\/(?!visibility\.ts$)/;
const FUNCTION = /^export (?:default )?(?:async )?(?:function|const) (\w+)/gm;
const DATABASE = /\b(Queries|Tx|Database)\b/;
const VISIBILITY = /\bVisibility\b/;

/** The first parameters after a name: a function's own, or those of its type, to the parenthesis that closes them. */
function parametersAfter(text: string, start: number): string {
  let open = 0;
  for (let at = text.indexOf("(", start); at >= 0 && at < text.length; at += 1) {
    if (text[at] === "(") open += 1;
    if (text[at] === ")") open -= 1;
    if (open === 0) return text.slice(start, at);
  }
  return text.slice(start);
}

/** Every read for callers, in the order of the files. */
export function callersReads(files: SourceFiles): CallersRead[] {
  return [...files]
    .filter(([path]) => FOLDER.test(path))
    .flatMap(([path, text]) =>
      [...text.matchAll(FUNCTION)].flatMap((found) => {
        const parameters = parametersAfter(text, found.index + found[0].length);
        const [, name = ""] = found;
        const seesByType = VISIBILITY.test(parameters);
        return DATABASE.test(parameters) ? [{ path, name, seesByType }] : [];
      }),
    );
}

/** The reads without a Visibility, each as one problem. */
export function findUnaskedReads(files: SourceFiles): string[] {
  return callersReads(files)
    .filter(({ seesByType }) => !seesByType)
    .map(({ path, name }) => `${path}: ${name} reads for callers and takes no Visibility`);
}

/** The reads of src/ without a Visibility. */
export async function checkReads(): Promise<string[]> {
  return findUnaskedReads(await readSourceFiles());
}
