/**
 * Requests that callers would not send: a sound one with some of its fields changed, as JSON and as protobuf.
 * Boundary: a request is a tree of plain values by the names of its fields; what is sound is the test's to say.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import fc, { type Arbitrary } from "fast-check";

/** A message before it is written: values by field name, of the field's type or not. */
export interface Tree {
  [name: string]: unknown;
}

/** One change: which field, counted over all fields of the tree, and what it gets. */
type Change = readonly [slot: number, value: number, free: unknown, isWrongType: boolean];

interface Slot {
  readonly at: Tree;
  readonly field: DescField;
}

const STRUCT = "google.protobuf.Struct";
const TEXTS = [
  ...[
    "",
    " ",
    "a\u0000b",
    "\ud800",
    "x\udfff",
    "é😀",
    "__proto__",
    "constructor",
    "../..",
    "%",
    "\n",
  ],
  ...["{{ x }}", "{{", "event.data.n > 1", "a.b.*", ">", "*", "0 0 * * *", "@every 1s", "MANUAL"],
  ...["x".repeat(257), "x".repeat(5_000), "é".repeat(2_049), "wf_guessed", "wfr_guessed", "ws_b"],
];
/** Texts that most fields have to refuse or to keep apart. */
const NASTY_TEXTS = ["", "a\u0000b", "\ud800", "x".repeat(257), "__proto__"];
const HUGE_TEXTS = ["a+", "event.", "{{x}}", "* ", "😀", "\u0000"].map((part) =>
  part.repeat(Math.floor(900_000 / Buffer.byteLength(part))),
);
const NUMBERS = [
  ...[0, 1, -1, 2, 3, 7, 99, 500, 501, 10_001, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53, 1.5],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -0, 5e-324],
];
const WRONG = [
  ...[null, true, "", "12", "NaN", "1e999", 5, -1, 1e300, [], {}, [[]], [null], { a: { b: 1 } }],
  ...["TRIGGER_TYPE_EVENT", "STEP_TYPE_NOTHING", "AAAA", Array(300).fill({}), ["x", 1, null]],
];

function nested(depth: number): Tree {
  let tree: Tree = {};
  for (let level = 0; level < depth; level += 1)
    tree = level % 2 === 0 ? { a: tree } : { a: [tree] };
  return tree;
}

const PAYLOADS: Tree[] = [
  {},
  { text: "a\u0000b" },
  { "\ud800": 1 },
  { "": "", " ": null },
  { n: Number.NaN },
  { n: 1e300, list: [1, "2", null, [true]] },
  JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":null},"toString":1}'),
  nested(31),
  nested(33),
  nested(400),
  { text: "x".repeat(256 * 1024) },
  { list: Array(60_000).fill(0) },
  Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at])),
  {
    output_schema: { $ref: "#" },
    filter_expr: "event.x +",
    input: "{{ steps.a.output",
    retries: 1,
  },
  { filter_expr: "a".repeat(200_000), timeout_seconds: -1, workflow: { definition_id: 7 } },
];

const change: Arbitrary<Change> = fc.tuple(
  fc.nat(10_000),
  fc.nat(10_000),
  fc.jsonValue({ maxDepth: 4 }),
  fc.boolean().chain((unlikely) => (unlikely ? fc.boolean() : fc.constant(false))),
);

/** Some changes, or none; `applyChanges` makes them. */
export const changes: Arbitrary<readonly Change[]> = fc.array(change, { maxLength: 3 });

/** The tree with the changes made; ids of its fields are drawn from `ids` too. */
export function applyChanges(
  desc: DescMessage,
  sound: Tree,
  made: readonly Change[],
  ids: readonly string[],
): Tree {
  const tree = structuredClone(sound);
  const slots: Slot[] = [];
  collectSlots(desc, tree, slots);
  for (const [slot, value, free, isWrongType] of made) {
    const place = slots[slot % Math.max(1, slots.length)];
    if (place === undefined) continue;
    const { at, field } = place;
    at[field.name] = isWrongType ? pick(WRONG, value) : weird(field, value, free, ids);
  }
  return tree;
}

function collectSlots(desc: DescMessage, at: Tree, slots: Slot[]): void {
  for (const field of desc.fields) {
    slots.push({ at, field });
    const { message } = field;
    if (message === undefined || message.typeName === STRUCT) continue;
    for (const item of [at[field.name]].flat()) {
      if (isTree(item)) collectSlots(message, item, slots);
    }
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function pick<Item>(items: readonly Item[], at: number): Item | undefined {
  return items[at % items.length];
}

function weird(field: DescField, value: number, free: unknown, ids: readonly string[]): unknown {
  if (field.fieldKind !== "list") return weirdOne(field, value, free, ids);
  const length = value % 211 === 0 ? 10_001 : (pick([0, 1, 2, 3, 65, 200], value) ?? 0);
  // Long lists of large items would fill this process before they reach the service.
  const item = field.message === undefined ? pick(NASTY_TEXTS, value) : {};
  return Array.from({ length }, (_, at) =>
    length > 3 ? item : weirdOne(field, value + at, free, ids),
  );
}

function weirdOne(field: DescField, value: number, free: unknown, ids: readonly string[]): unknown {
  const { message } = field;
  if (message?.typeName === STRUCT) {
    return value % 3 === 0 && isTree(free) ? free : pick(PAYLOADS, value);
  }
  if (message !== undefined) {
    const inner = message.fields.map((one, at) => [
      one.name,
      weird(one, value * 7 + at, free, ids),
    ]);
    return Object.fromEntries(inner.filter((_, at) => (value + at) % 3 === 0));
  }
  if (field.enum !== undefined)
    return pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 77, -1, 2 ** 31 - 1], value);
  if (field.scalar !== ScalarType.STRING) return pick(NUMBERS, value);
  if (value % 97 === 0) return pick(HUGE_TEXTS, value / 97);
  return pick(value % 2 === 0 ? NASTY_TEXTS : [...TEXTS, ...ids], value >> 1);
}
