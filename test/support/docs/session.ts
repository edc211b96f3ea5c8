/**
 * What a `console` block of a page shows: commands, and what each one prints.
 * Boundary: pure.
 */

/** A command of a block. */
export interface Shown {
  /** As it is typed, over several lines where a line ends with `\`. */
  readonly command: string;
  readonly output: string;
}

const PROMPT = "$ ";

/** The commands of a block. Lines before the first prompt belong to none, and are a fault of the page. */
export function readSession(text: string): Shown[] {
  const shown: { command: string; output: string[] }[] = [];
  let isTyped = false;
  for (const line of text.split("\n")) {
    const last = shown.at(-1);
    if (line.startsWith(PROMPT)) shown.push({ command: line.slice(PROMPT.length), output: [] });
    else if (last === undefined) throw new Error(`output without a command: ${line}`);
    else if (isTyped) last.command += `\n${line}`;
    else last.output.push(line);
    isTyped = (line.startsWith(PROMPT) || isTyped) && line.endsWith("\\");
  }
  return shown.map(({ command, output }) => ({ command, output: output.join("\n") }));
}

/** The text of a block. */
export function writeSession(shown: readonly Shown[]): string {
  return shown
    .flatMap(({ command, output }) => [`${PROMPT}${command}`, ...(output === "" ? [] : [output])])
    .join("\n");
}

/** Ids by what stands for them. */
export type KnownIds = ReadonlyMap<string, string>;

const ID =
  /\b([a-z]{2,4})_[0-9a-z]{20,}|\b[0-9a-f]{64}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;
const TIME = /\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?/g;
const TOOK = /\b\d+(?:\.\d+)? (?:ms|s|min|h|d)(?: \d+ (?:s|min|h))?(?![\w.])/g;
const ADDRESS = /127\.0\.0\.1:\d+/g;

/**
 * An output with what differs from run to run replaced: an id by its place among the ids of the page, times, durations,
 * addresses, and the width of columns. `known` has the ids that were seen before; those that are new come back with them.
 */
export function normalise(output: string, known: KnownIds): { text: string; ids: KnownIds } {
  const ids = new Map(known);
  const text = output
    .replaceAll(ID, (id, kind: string | undefined) => {
      const name = ids.get(id) ?? `<${kind ?? "id"} ${ids.size + 1}>`;
      ids.set(id, name);
      return name;
    })
    .replaceAll(TIME, "<time>")
    .replaceAll(TOOK, "<took>")
    .replaceAll(ADDRESS, "<address>")
    .split("\n")
    .map((line) => line.replaceAll(/(?<=\S) {2,}/g, "  ").trimEnd())
    .join("\n")
    .trimEnd();
  return { text, ids };
}

const ESCAPE = "\u001b[";

/** What stands on a terminal after an output that moves the cursor up by lines and erases what is below it. */
export function renderScreen(output: string): string {
  const [first = "", ...rest] = output.split(`${ESCAPE}J`);
  return rest.reduce((screen, drawn) => {
    const at = screen.lastIndexOf(ESCAPE);
    const up = Number.parseInt(screen.slice(at + ESCAPE.length), 10);
    const above = screen
      .slice(0, at)
      .split("\n")
      .slice(0, -1 - up);
    return [...above, drawn].join("\n");
  }, first);
}
