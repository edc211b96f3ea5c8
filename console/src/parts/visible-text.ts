/**
 * Texts of others made fit to be shown: characters that move, hide or reorder text become visible.
 * Boundary: pure. React escapes markup; this is about characters alone.
 */

/** A piece of a text: as it is, or a character that is named in place of being drawn. */
export interface TextPiece {
  readonly text: string;
  /** Set where the piece stands for a character that is not drawn, as in `U+202E`. */
  readonly codePoint?: string;
}

/**
 * Control characters but the line feed and the tab, marks and isolates of direction, characters without a width, separators
 * of lines, fillers, tags, variation selectors in bulk, and halves of pairs.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/** The text in pieces, in order. */
export function visiblePieces(text: string): TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > end) pieces.push({ text: text.slice(end, found.index) });
    pieces.push({ text: found[0], codePoint: codePointOf(found[0]) });
    end = found.index + found[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** The text with names in place of characters that are not drawn, as in `a⟨U+202E⟩b`. For attributes and titles. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (found) => `⟨${codePointOf(found)}⟩`);
}

/** The first characters of a text: no more than `most`, with `…` where it goes on. No pair is cut in two. */
export function cutText(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
}

function codePointOf(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `U+${hex.padStart(4, "0")}`;
}
