// Event patterns in the manner of NATS: which event types and subjects a trigger or a wait takes.
//
// Boundary: pure text; templates inside patterns are rendered, or widened, before they come here.
// Invariants:
// 1. A text is cut into tokens at `.` and `/`, which are one separator: `a/b` and `a.b` have the same tokens. So a pattern
//    without wildcards can be looked up by the equality of withDots.
// 2. Matching is linear in the length of the text: no regular expression, no backtracking.

/** A checked pattern. `*` matches one token, `>` at the end one token or more. */
export interface Pattern {
  readonly text: string;
  /** Tokens and separators in turn: `a.*` is `["a", ".", "*"]`. */
  readonly parts: readonly string[];
  readonly literal: boolean;
}

const MAX_PATTERN_CHARS = 1024;

/**
 * Reads a pattern. Refused, with a problem in words: an empty or over-long text, a control
 * character, a wildcard that is not a token of its own, a `>` before the end.
 */
export function parsePattern(
  text: string,
): { ok: true; pattern: Pattern } | { ok: false; problem: string } {
  const problem = patternProblem(text);
  if (problem !== undefined) return { ok: false, problem };
  const parts = partsOf(text);
  const literal = !parts.includes("*") && parts.at(-1) !== ">";
  return { ok: true, pattern: { text, parts, literal } };
}

function patternProblem(text: string): string | undefined {
  if (text === "") return "the pattern is empty";
  if (text.length > MAX_PATTERN_CHARS) {
    return `the pattern has ${text.length} characters, the limit is ${MAX_PATTERN_CHARS}`;
  }
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x7f) return "the pattern holds a control character";
  }
  const parts = partsOf(text);
  for (const [at, part] of parts.entries()) {
    if (part === ">" && at < parts.length - 1) return '">" may only be the last token';
    if (part.length > 1 && /[*>]/.test(part)) {
      return `the wildcard in "${part}" must be a token of its own`;
    }
  }
  return undefined;
}

/**
 * What is surely a slip in a pattern as its author wrote it: it could be read, and nothing would ever fit it. A pattern that
 * a value was put into may look so.
 */
export function findSlip(text: string): string | undefined {
  if (text.trim() !== text) return "the pattern begins or ends with a blank";
  // Empty tokens beside a slash are ordinary: /deals/7, https://crm.
  if (/^\.|\.\.|\.$/.test(text)) return "the pattern has an empty token beside a dot";
  return undefined;
}

/** Tokens and separators in turn, a token at both ends: `a.b` is `["a", ".", "b"]`. */
export function partsOf(text: string): string[] {
  return text.split(/([./])/);
}

/** Whether a type or subject fits the pattern. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  if (pattern.literal) return withDots(pattern.text) === withDots(text);
  const parts = partsOf(text);
  for (const [at, wanted] of pattern.parts.entries()) {
    const found = parts[at];
    if (found === undefined) return false;
    if (wanted === ">") return true;
    const isSeparator = at % 2 === 1;
    if (!isSeparator && wanted !== "*" && wanted !== found) return false;
  }
  return parts.length === pattern.parts.length;
}

/** A type, subject or pattern with its separators alike: two texts without wildcards match when these are equal. */
export function withDots(text: string): string {
  return text.replaceAll("/", ".");
}

/** Whether the pattern has no wildcard, and so matches its own text alone, but for the separators. */
export function isLiteral(pattern: Pattern): boolean {
  return pattern.literal;
}
