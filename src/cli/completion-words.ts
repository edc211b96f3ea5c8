/**
 * What a shell can complete, from the table of commands.
 * Boundary: words and kinds; how a shell is told is completion.ts.
 */
import type { CommandRow, OptionRow } from "./command-row.ts";

/** What stands for a word: words that are known, files, or names that the service knows. */
export type Kind = "files" | "workflows" | "runs" | "shells" | "commands" | "nothing";

/** A word with what it is for. */
interface Word {
  readonly word: string;
  readonly about: string;
}

/** An option of a command. */
interface OptionWord extends Word {
  /** What its value is; undefined: it has none. */
  readonly value: Kind | undefined;
}

/** A command as a shell completes it. */
export interface CommandWords extends Word {
  readonly options: readonly OptionWord[];
  /** What each of its arguments may be. */
  readonly args: readonly Kind[];
}

export const SHELLS = ["bash", "zsh", "fish"] as const;

const HELP: CommandWords = {
  ...{ word: "help", about: "show the help of a command", options: [], args: ["commands"] },
};
/** By the words in the brackets of arguments and options; others are free. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  file: ["files"],
  source: ["files", "workflows"],
  workflow: ["workflows"],
  run: ["runs"],
  shell: ["shells"],
};

/** Gives all options of a command. */
export type OptionsOf = (row: CommandRow) => readonly OptionRow[];

/** All commands, in the order of the help. */
export function commandWords(
  commands: readonly CommandRow[],
  optionsOf: OptionsOf,
): CommandWords[] {
  return [...commands.map((row) => wordsOf(row, optionsOf(row))), HELP];
}

function wordsOf({ name, args, about }: CommandRow, rows: readonly OptionRow[]): CommandWords {
  const [first = ""] = args.split(" ");
  return {
    ...{ word: name, about, args: KINDS[placeholderOf(first)] ?? [] },
    options: rows.map(([flags, does]) => {
      const [, word = "", value] = /(--[a-z-]+)(?: (<.+>))?$/.exec(flags) ?? [];
      return {
        word,
        about: does,
        value: value === undefined ? undefined : kindOfValue(word, value),
      };
    }),
  };
}

function kindOfValue(option: string, value: string): Kind {
  if (option === "--workflow") return "workflows";
  return KINDS[placeholderOf(value)]?.[0] ?? "nothing";
}

/** `[run]`, `<run>` and `<run...>` are of a run. */
function placeholderOf(text: string): string {
  return text.replaceAll(/[^a-z]/g, "");
}
