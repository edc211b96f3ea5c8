/**
 * The words after `npm run demo --` and `npm run dev --`.
 *
 * Boundary: reads arguments; prints nothing.
 */
import type { SalesOptions } from "../../src/sandbox/scripts/sales.ts";

/** What was asked for. */
export interface DemoOptions extends SalesOptions {
  /** Stay up after the story. */
  readonly keep: boolean;
  /** The research is a task of workers, one of which is killed. */
  readonly worker: boolean;
  /** The folder whose workflow files are published when they are saved; unset: the one in which npm was called. */
  readonly files: string | undefined;
  readonly help: boolean;
}

/** What can be asked for, for the help. */
export const OPTIONS_HELP: readonly string[] = [
  "  --deny   the manager refuses: the run takes the refusal path",
  "  --fail   sending the mail fails: it is tried again, then the run is compensated",
  "  --worker the research is done by worker processes: one is killed, another takes over (demo only)",
  "  --files=FOLDER  whose *.workflow.yaml are published when they are saved (dev only)",
  "  --keep   stay up afterwards and print addresses and commands to try (demo only)",
];

const FILES = "--files=";
const WORDS = ["--deny", "--fail", "--worker", "--keep", "--help"];

/** Reads the arguments. Throws with a sentence for the user when they make no sense. */
export function readOptions(words: readonly string[]): DemoOptions {
  const unknown = words.find((word) => !WORDS.includes(word) && !word.startsWith(FILES));
  if (unknown !== undefined)
    throw new Error(`unknown option ${unknown}; there are:\n${helpText()}`);
  const has = (word: string): boolean => words.includes(word);
  if (has("--deny") && has("--fail")) {
    throw new Error("--deny and --fail exclude each other: what was refused is never sent");
  }
  return {
    deny: has("--deny"),
    fail: has("--fail"),
    worker: has("--worker"),
    keep: has("--keep"),
    files: words.find((word) => word.startsWith(FILES))?.slice(FILES.length),
    help: has("--help"),
  };
}

function helpText(): string {
  return OPTIONS_HELP.join("\n");
}
