/**
 * Texts of expressions by a grammar: valid ones, almost valid ones, and ones that try to cost much.
 * Boundary: texts only; what they are evaluated on is the test's.
 */
import fc, { type Arbitrary } from "fast-check";

/** Names that objects of JavaScript inherit. */
const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

const NAMES = [
  ...["s", "t", "n", "l", "big", "objects", "wide", "none", "flag", "x", "input", "steps", "run"],
  ...["event", "data", "other_step", "int", "null", "true", ...INHERITED],
];
const FIELDS = ["state", "output", "input", "k5", "missing", "i", "length", ...INHERITED];
const METHODS = ["contains", "startsWith", "endsWith", "matches", "size", "getHours", "toString"];
const FUNCTIONS = [
  ...["size", "int", "uint", "double", "string", "bytes", "bool", "type", "dyn", "has"],
  ...["timestamp", "duration", "matches", "@range", "eval", "constructor"],
];
const MACROS = ["all", "exists", "exists_one", "map", "filter"];
const INFIX = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", " in "];
const REGEXES = [
  ...["^(a+)+$", "(a|aa)*b", "(.*)*x", "(a{30}){9}", "(.{100}){9}", "((((a*)*)*)*)*", "a{1,300}"],
  ...["(x+x+)+y", "[", "(", "(?=a)", "\\\\1", "\\\\p{L}+$", "(?i)é*", "", "^.{0,250}z$"],
];
const NUMBERS = [
  ...["0", "1", "-1", "2.5", "1e308", "9223372036854775807", "9223372036854775808", "7u", "0x7f"],
  ...["1e999", "-9223372036854775808", "00", "1.", "99999999999999999999999999"],
];

const text = fc.oneof(
  fc.constantFrom("'a'", '"b"', "r'\\d'", "b'x'", "'''a\nb'''", "'\\u0000'", "'\\ud800'", "'é😀'"),
  fc.constantFrom("'2024-05-01T10:00:00Z'", "'1h'", "'Europe/Paris'", "'}}'", "'{{'"),
  fc.string({ unit: "grapheme", maxLength: 12 }).map((value) => JSON.stringify(value)),
  fc.nat(5_000).map((length) => `'${"a".repeat(length)}'`),
);
const atom = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 2, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 1, arbitrary: text },
);

const { expression } = fc.letrec<{ expression: string }>((tie) => {
  const part = tie("expression");
  return {
    expression: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      { weight: 3, arbitrary: atom },
      {
        weight: 4,
        arbitrary: fc
          .tuple(part, fc.constantFrom(...INFIX), part)
          .map(([l, sign, r]) => `${l}${sign}${r}`),
      },
      { weight: 1, arbitrary: part.map((of) => `(${of})`) },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constantFrom("!", "-", "!!"), part).map((p) => p.join("")),
      },
      {
        weight: 2,
        arbitrary: fc
          .tuple(part, fc.constantFrom(...FIELDS))
          .map(([of, field]) => `${of}.${field}`),
      },
      { weight: 1, arbitrary: fc.tuple(part, part).map(([of, at]) => `${of}[${at}]`) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(part, fc.constantFrom(...METHODS), part)
          .map(([of, method, arg]) => `${of}.${method}(${arg})`),
      },
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.constantFrom(...FUNCTIONS), fc.array(part, { maxLength: 3 }))
          .map(([name, args]) => `${name}(${args.join(", ")})`),
      },
      {
        weight: 3,
        arbitrary: fc
          .tuple(part, fc.constantFrom(...MACROS), fc.constantFrom("x", "s", "__proto__"), part)
          .map(([of, macro, name, body]) => `${of}.${macro}(${name}, ${body})`),
      },
      { weight: 1, arbitrary: fc.array(part, { maxLength: 4 }).map((items) => `[${items}]`) },
      {
        weight: 1,
        arbitrary: fc.tuple(part, part).map(([key, value]) => `{${key}: ${value}, 'k': ${value}}`),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(part, part, part).map(([i, a, b]) => `${i} ? ${a} : ${b}`),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom("s", "t", "mixed"), fc.constantFrom(...REGEXES))
          .map(([of, regex]) => `${of}.matches('${regex}')`),
      },
    ),
  };
});

/** The same part again and again: what a limit on size or work has to stop. */
const bomb = fc.oneof(
  fc
    .tuple(
      expression,
      fc.constantFrom("+", "&&", "||", "==", ","),
      fc.integer({ min: 2, max: 130 }),
    )
    .map(([part, sign, times]) => Array(times).fill(part).join(sign)),
  fc
    .tuple(fc.constantFrom("l", "wide", "[1, 2]", "big"), fc.constantFrom(...MACROS), expression)
    .map(([of, macro, body]) => `${of}.${macro}(x, ${body})`),
  fc
    .tuple(fc.constantFrom("(", "[", "!", "-", "{1:", "f(", "a.", "l.map(x, "), fc.nat(1_500))
    .map(([open, times]) => `${open.repeat(times)}a`),
  fc.nat(6).map((depth) => `${"l.map(x, ".repeat(depth)}x${")".repeat(depth)}`),
  fc.integer({ min: 4_000, max: 200_000 }).map((length) => "a+".repeat(length / 2)),
);

/** A text with one place changed: a character is lost, doubled, or put in. */
const slipped = fc
  .tuple(
    expression,
    fc.nat(),
    fc.constantFrom("", "'", ")", "(", "\u0000", "\ud800", "\\", "}}", "é"),
  )
  .map(([of, at, put]) => {
    const place = at % (of.length + 1);
    return of.slice(0, place) + put + of.slice(place + 1);
  });

/** An expression's text, meant well or not. */
export const expressions: Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: expression },
  { weight: 2, arbitrary: slipped },
  { weight: 2, arbitrary: bomb },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
);

/** A text with `{{ }}` in it, closed or not. */
export const templates: Arbitrary<string> = fc
  .array(
    fc.oneof(
      expressions.map((source) => `{{ ${source} }}`),
      expressions.map((source) => `{{${source}`),
      fc.constantFrom("text", "{{", "}}", "{{}}", "{ {", "{{ '}}' }}", "\u0000", "\udfff"),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join(""));
