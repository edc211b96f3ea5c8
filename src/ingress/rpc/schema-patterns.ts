/**
 * Patterns of JSON Schema, which are regular expressions of ECMAScript, as linear-time ones (RE2).
 * Boundary: rewrites what means the same in both; refuses in words what RE2 does not have, such as back references.
 * Invariant: a test costs the text's length times the size of the programs, charged before it runs.
 */
import {
  findRegexProblem,
  matchesRegex,
  regexInstructions,
} from "../../engine/expression/regex.ts";

/** A pattern ready to test texts. */
export interface LinearPattern {
  readonly instructions: number;
  test(text: string): boolean;
  /** The pattern as written: ajv keeps patterns by this text. */
  toString(): string;
}

/** The limits of one pattern; generators write longer ones than people do. */
const LIMITS = { chars: 1_000, instructions: 2_000 } as const;
/** A text beyond this is too long however RE2 writes it: an escape of twelve characters becomes one of nine. */
const SURELY_TOO_LONG_CHARS = 2 * LIMITS.chars;

/** A part of a pattern that must match, or must not. */
interface Part {
  readonly source: string;
  readonly isWanted: boolean;
}

/** Reads a pattern; throws an Error that says why it is not taken. */
export function linearPattern(pattern: string): LinearPattern {
  const parts = isSurelyTooLong(pattern)
    ? [{ source: pattern, isWanted: true }]
    : partsOf(inRe2(pattern));
  for (const { source } of parts) {
    const problem = findRegexProblem(source, LIMITS);
    if (problem !== undefined) throw new Error(`pattern ${JSON.stringify(pattern)}: ${problem}`);
  }
  const sizes = parts.map(({ source }) => regexInstructions(source));
  return {
    instructions: sizes.reduce((sum, size) => sum + size, 0),
    test: (text) => parts.every(({ source, isWanted }) => matchesRegex(text, source) === isWanted),
    toString: () => pattern,
  };
}

/** Whether a pattern is refused for its length, before it is read. One with lookaheads is several, each of its own length. */
function isSurelyTooLong(pattern: string): boolean {
  return pattern.length > SURELY_TOO_LONG_CHARS && !/^\^\(\?[!=]/.test(pattern);
}

const ESCAPE = /\\(?:u\{([0-9a-f]+)\}|u([0-9a-f]{4})(?:\\u(d[c-f][0-9a-f]{2}))?|.)/gis;

/** Escapes of code points as RE2 writes them: `\u4e00` is `\x{4e00}`, two surrogates are one code point. */
function inRe2(pattern: string): string {
  return pattern.replace(ESCAPE, (written, braced?: string, first?: string, second?: string) => {
    const hex = braced ?? first;
    if (hex === undefined) return written;
    if (second === undefined) return `\\x{${hex}}`;
    const point = String.fromCharCode(parseInt(hex, 16), parseInt(second, 16)).codePointAt(0) ?? 0;
    return point > 0xffff ? `\\x{${point.toString(16)}}` : `\\x{${hex}}\\x{${second}}`;
  });
}

/** `^(?!a)(?=b)c` as three patterns: RE2 has no lookahead, but at the beginning each can be asked by itself. */
function partsOf(pattern: string): Part[] {
  const parts: Part[] = [];
  let rest = pattern.startsWith("^") ? 1 : pattern.length;
  for (
    let look = lookaheadAt(pattern, rest);
    look !== undefined;
    look = lookaheadAt(pattern, rest)
  ) {
    parts.push({ source: `^(?:${look.body})`, isWanted: look.isWanted });
    rest = look.end;
  }
  if (parts.length === 0) return [{ source: pattern, isWanted: true }];
  const source = pattern.slice(rest);
  if (endOfBranch(source, 0) < source.length) {
    throw new Error(`pattern ${JSON.stringify(pattern)}: a lookahead before "|" is not taken`);
  }
  return [...parts, { source: `^(?:${source})`, isWanted: true }];
}

function lookaheadAt(pattern: string, at: number) {
  const opening = pattern.slice(at, at + 3);
  if (opening !== "(?!" && opening !== "(?=") return undefined;
  const end = endOfGroup(pattern, at + 3);
  return { body: pattern.slice(at + 3, end), isWanted: opening === "(?=", end: end + 1 };
}

/** Where the `)` stands that ends the group whose content begins at `from`; the text's length when there is none. */
function endOfGroup(pattern: string, from: number): number {
  for (let at = from; at < pattern.length; ) {
    at = endOfBranch(pattern, at);
    if (pattern.charAt(at) !== "|") return at;
    at += 1;
  }
  return pattern.length;
}

/** Where the next `|` or `)` stands that belongs to no inner group or class. */
function endOfBranch(pattern: string, from: number): number {
  let depth = 0;
  let isClass = false;
  for (let at = from; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === "\\") at += 1;
    else if (isClass) isClass = char !== "]";
    else if (char === "[") isClass = true;
    else if (char === "(") depth += 1;
    else if (depth === 0 && (char === "|" || char === ")")) return at;
    else if (char === ")") depth -= 1;
  }
  return pattern.length;
}
