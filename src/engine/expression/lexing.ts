// Looks over the text of an expression without parsing it: where strings and comments end, how deep the
// brackets nest, how many words there are, where the `}}` of a template stands.
//
// Boundary: knows the quotes, comments and brackets of CEL and nothing else of its grammar.
// Invariant: linear in the text. It runs before the parser, whose time and stack it bounds. findTemplateEnd looks at texts of
// any length, so it looks at code units and makes no text: a MiB takes some 2 ms.

/** How many words (names and literals) a text holds, and how deep its brackets nest. */
export interface Shape {
  words: number;
  depth: number;
}

const WORD = /[A-Za-z0-9_]/;
const COMMENT = "//";
const CLOSE = "}}";
const ONE_QUOTE = 0x27;
const TWO_QUOTES = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const OPENING = 0x7b;
const CLOSING = 0x7d;
const SMALL_B = 0x62;
const LARGE_B = 0x42;
const SMALL_R = 0x72;
const LARGE_R = 0x52;

/** The shape of an expression's text. A string counts as one word whatever it holds, a comment as none. */
export function shapeOf(source: string): Shape {
  const shape: Shape = { words: 0, depth: 0 };
  let depth = 0;
  for (let at = 0; at < source.length; ) {
    const char = source.charAt(at);
    if (isQuote(char)) {
      shape.words += 1;
      at = endOfString(source, at);
    } else if (source.startsWith(COMMENT, at)) {
      at = endOfLine(source, at);
    } else if (WORD.test(char)) {
      shape.words += 1;
      at = endOfWord(source, at);
    } else {
      if ("([{".includes(char)) depth += 1;
      if (")]}".includes(char)) depth -= 1;
      shape.depth = Math.max(shape.depth, depth);
      at += 1;
    }
  }
  return shape;
}

/**
 * Finds the `}}` that ends the expression beginning at `from`; braces of map literals, strings and
 * comments inside the expression are stepped over. A comment ends at its line's end, or at the `}}` itself
 * outside of a map literal. Undefined when there is none.
 */
export function findTemplateEnd(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit === ONE_QUOTE || unit === TWO_QUOTES) {
      at = endOfString(text, at);
      continue;
    }
    if (unit === SLASH && text.charCodeAt(at + 1) === SLASH) {
      const end = endOfLine(text, at);
      const close = depth === 0 ? text.slice(at, end).indexOf(CLOSE) : -1;
      if (close >= 0) return at + close;
      at = end;
      continue;
    }
    if (unit === OPENING) depth += 1;
    if (unit === CLOSING) {
      if (depth === 0 && text.charCodeAt(at + 1) === CLOSING) return at;
      depth -= 1;
    }
    at += 1;
  }
  return undefined;
}

/** The text with blanks in place of its comments, of which the library takes one between two words and only before a line's end. */
export function withoutComments(source: string): string {
  if (!source.includes(COMMENT)) return source;
  let text = "";
  for (let at = 0; at < source.length; ) {
    const isComment = source.startsWith(COMMENT, at);
    let end = at + 1;
    if (isComment) end = endOfLine(source, at);
    else if (isQuote(source.charAt(at))) end = endOfString(source, at);
    text += isComment ? " ".repeat(end - at) : source.slice(at, end);
    at = end;
  }
  return text;
}

function isQuote(char: string): boolean {
  return char === '"' || char === "'";
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && WORD.test(text.charAt(at))) at += 1;
  return at;
}

function endOfString(text: string, from: number): number {
  const quote = text.charCodeAt(from);
  const isTriple = text.charCodeAt(from + 1) === quote && text.charCodeAt(from + 2) === quote;
  const length = isTriple ? 3 : 1;
  const raw = isRawPrefix(text, from);
  for (let at = from + length; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (!raw && unit === BACKSLASH) at += 1;
    else if (unit !== quote) continue;
    else if (!isTriple) return at + 1;
    else if (text.charCodeAt(at + 1) === quote && text.charCodeAt(at + 2) === quote) return at + 3;
  }
  return text.length;
}

function isRawPrefix(text: string, quoteAt: number): boolean {
  const last = text.charCodeAt(quoteAt - 1);
  if (last !== SMALL_R && last !== LARGE_R) return false;
  const first = text.charCodeAt(quoteAt - 2);
  const length = first === SMALL_B || first === LARGE_B ? 2 : 1;
  return !WORD.test(text.charAt(quoteAt - length - 1));
}
