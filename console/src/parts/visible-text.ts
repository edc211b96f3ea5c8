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
 * Control characters but the line feed and the tab, what has no look of its own (marks of direction, joiners, tags), separators of lines,
 * fillers, and halves of pairs.
 */
const HIDDEN =
  /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/gu;

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
