/**
 * What the commands of the fault suite are asked for. Boundary: pure; a text that cannot be meant is a WrongOption.
 */
import { parseArgs } from "node:util";

/** An argument that cannot be meant; its message is one sentence. */
export class WrongOption extends Error {
  override readonly name = "WrongOption";
}

/** Options of these names, each with a value. */
export function readOptions<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const { values } = parseArgs({ args: [...args], options });
    return values as Partial<Record<Name, string>>;
  } catch (error) {
    // The sentences behind the first one are about commands that take positional arguments.
    const [sentence = ""] = (error instanceof Error ? error.message : String(error)).split(
      /[.\n] ?/,
    );
    throw new WrongOption(`${sentence}; there are ${names.map((name) => `--${name}`).join(", ")}.`);
  }
}

/** A whole number from `least` on, or `other` where none is given. */
export function readWholeNumber(
  name: string,
  text: string | undefined,
  { least, other }: { readonly least: number; readonly other: number },
): number {
  if (text === undefined) return other;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new WrongOption(`--${name} is a whole number from ${least} on, not "${text}".`);
}

/** Items whose first word is this name; all of them unless one is given. */
export function pickByName<Item extends { readonly fault: string }>(
  items: readonly Item[],
  only: string | undefined,
): readonly Item[] {
  if (only === undefined) return items;
  const names = items.map(({ fault }) => fault.split(" ", 1)[0]);
  const picked = items.filter((_, index) => names[index] === only);
  if (picked.length > 0) return picked;
  throw new WrongOption(`--only is one of ${[...new Set(names)].join(", ")}, not "${only}".`);
}
