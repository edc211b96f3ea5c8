/**
 * How the checks of a version report, and how they show an author's text in a sentence.
 * Boundary: knows nothing of versions.
 */

/** Reports one fault: the path of its field (`steps[3].id`) and what is wrong there. */
export type AddFault = (field: string, description: string) => void;

const SHOWN_CHARS = 100;

/** A text of the author in quotes, cut to a readable length, control characters escaped. */
export function quoted(text: string): string {
  const shown = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
  return JSON.stringify(shown);
}

/** Alternatives in a sentence: `"a", "b" or "c"`. */
export function anyOf(names: readonly string[]): string {
  const last = names.at(-1);
  if (last === undefined) return "nothing";
  const others = names.slice(0, -1).map(quoted).join(", ");
  return others === "" ? quoted(last) : `${others} or ${quoted(last)}`;
}
