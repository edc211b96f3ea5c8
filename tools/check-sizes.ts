/**
 * Finds files and functions of src/ that are too long.
 *
 * Boundary: counts lines, comments and blank ones included, because a reader scrolls over them. There is no list of
 * exceptions.
 */
import ts from "typescript";
import { readSourceFiles, type SourceFiles } from "./check-imports.ts";

const FILE_LINES_AT_MOST = 300;
const FUNCTION_LINES_AT_MOST = 60;

/** The files with too many lines, each as one problem. */
export function findLongFiles(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.trimEnd().split("\n").length;
    return lines <= FILE_LINES_AT_MOST
      ? []
      : [`${path} has ${lines} lines, over ${FILE_LINES_AT_MOST}`];
  });
}

/** The functions with too many lines from their first word to their last brace, each as one problem. */
export function findLongFunctions(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const lineAt = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1;
    const problems: string[] = [];
    const look = (node: ts.Node): void => {
      const first = lineAt(node.getStart(file));
      const lines = lineAt(node.end) - first + 1;
      if (ts.isFunctionLike(node) && lines > FUNCTION_LINES_AT_MOST) {
        problems.push(
          `${path}:${first} is a function of ${lines} lines, over ${FUNCTION_LINES_AT_MOST}`,
        );
      }
      ts.forEachChild(node, look);
    };
    look(file);
    return problems;
  });
}

/** The files and functions of src/ that are too long. */
export async function checkSizes(): Promise<string[]> {
  const files = await readSourceFiles();
  return [...findLongFiles(files), ...findLongFunctions(files)];
}
