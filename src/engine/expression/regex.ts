// Regular expressions of `matches`: linear-time ones only, read when the expression is parsed.
//
// Boundary: the one user of the RE2 engine that the expression library itself brings.
// Invariant: nothing here backtracks, and text times program size is charged before matching.

import { RE2JS } from "@bufbuild/re2";
import { charge } from "./fuel.ts";

/** How large a regular expression may be: its text, and its program once its repeats are written out. */
interface RegexLimits {
  readonly chars: number;
  readonly instructions: number;
}

const LIMITS: RegexLimits = { chars: 256, instructions: 300 };
const MAX_KEPT = 500;
const UNITS_PER_INSTRUCTION_AND_CHAR = 2;

interface Regex {
  engine: RE2JS;
  instructions: number;
}

/** Compiled once per pattern; the oldest goes when there are too many. */
const kept = new Map<string, Regex>();

/** What is wrong with a pattern: too long, too large once its repeats are written out, malformed. */
export function findRegexProblem(pattern: string, limits = LIMITS): string | undefined {
  if (pattern.length > limits.chars) {
    return `the regular expression has ${pattern.length} characters, the limit is ${limits.chars}`;
  }
  try {
    const { instructions } = compile(pattern);
    return instructions > limits.instructions
      ? `the regular expression is too large: ${instructions} instructions, the limit is ${limits.instructions}`
      : undefined;
  } catch (cause) {
    return `the regular expression is malformed: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

/** How large the program of a pattern is that `findRegexProblem` found nothing wrong with. */
export function regexInstructions(pattern: string): number {
  return compile(pattern).instructions;
}

/** Whether some part of the text matches a pattern that `findRegexProblem` found nothing wrong with. */
export function matchesRegex(text: string, pattern: string): boolean {
  const regex = compile(pattern);
  charge(text.length * regex.instructions * UNITS_PER_INSTRUCTION_AND_CHAR);
  return regex.engine.test(text);
}

function compile(pattern: string): Regex {
  const known = kept.get(pattern);
  if (known !== undefined) return known;
  const engine = RE2JS.compile(pattern);
  const regex = { engine, instructions: engine.re2().prog.numInst() };
  const oldest = kept.keys().next();
  if (kept.size >= MAX_KEPT && oldest.done !== true) kept.delete(oldest.value);
  kept.set(pattern, regex);
  return regex;
}
