/** Equalities in filters: found only where they always hold, so that an index by them misses no event that fits. */
import { describe, expect, it } from "vitest";
import { findEquality } from "../../../../src/engine/expression/equality.ts";
import {
  type Expression,
  evaluate,
  holds,
  parseExpression,
} from "../../../../src/engine/expression/expression.ts";
import { equalityOfEvent, equalityText } from "../../../../src/engine/matching/equality.ts";
import { attributesInScope } from "../../../../src/engine/matching/event-scope.ts";
import type { Json, JsonObject } from "../../../../src/engine/values/json.ts";

const CONTEXT = { stepIds: ["pay", "ask-it"], kind: "wait_filter" } as const;
const pathsOf = (filter: string) => findEquality(filter, CONTEXT)?.paths;

describe("a comparison is found", () => {
  it.each([
    ["order == input.order", "order"],
    ["input.order == order.id", "order.id"],
    ["(order.id==input.order)", "order.id"],
    ["event.subject == 'orders/' + input.order && n > 3", "event.subject"],
    ["a == input.a && (b == run.id && c == pay.output.c) && d == 'x'", "a,b,c"],
    ['data["order-id"] == steps["ask-it"].output.id', "data.order-id"],
    ["event.data.id == string(input.n)", "event.data.id"],
    ["event.orderid == input.a ", "event.orderid"],
    ["status == 'in && out == ('", "status"],
    ["kind != 'x' && id == input.list.filter(i, i > 1)[0]", "id"],
  ])("%s", (filter, paths) => {
    expect(parseExpression(filter, CONTEXT).ok).toBe(true);
    expect(pathsOf(filter)).toBe(paths);
  });
});

describe("none is found", () => {
  it.each([
    "order == input.order || urgent",
    "urgent ? order == input.order : true",
    "order != input.order",
    "order == other",
    "input.a == run.id",
    "pay.output.id == input.id",
    "order in [input.order]",
    "order == input.order == true",
    "order < input.order",
    "!(order == input.order)",
    "[1].exists(x, x == input.order)",
    "event == input.order",
    "items[0] == input.order",
    "size(order) == input.order",
    "order == input.order // == x",
    "order == r'\\d'",
    "order == 'a\\'b'",
    "type(order) == int",
    "order == event.id + input.x",
  ])("%s", (filter) => {
    expect(pathsOf(filter)).toBeUndefined();
  });
});

const VALUES: (Json | undefined)[] = [
  undefined,
  ...[
    null,
    true,
    false,
    0,
    -0,
    1,
    1.5,
    -1,
    2 ** 53,
    2 ** 53 + 2,
    1e21,
    1e300,
    "",
    "1",
    "true",
    "null",
  ],
  ...["a", "á", "a\u0301", "a b", '"', "[1]", "x".repeat(600), [], [1], {}, { a: 1 }],
];
const FILTERS = [
  "v == input.v",
  "data.v == input.v",
  "event.data.v == input.v && true",
  "v == input.v + 0",
  "v == 1 && v == input.v",
  "v == 9007199254740992 && v == input.v",
  "event.ext == input.v",
];

interface Side {
  readonly filter: Expression;
  readonly paths: string;
  readonly values: readonly Expression[];
}

function sideOf(text: string): Side {
  const parsed = parseExpression(text, CONTEXT);
  const found = findEquality(text, CONTEXT);
  if (!parsed.ok || found === undefined) throw new Error(text);
  return { filter: parsed.expression, ...found };
}

function eventOf(v: Json | undefined) {
  const data: JsonObject = v === undefined ? {} : { v };
  const extensions: Record<string, string> = typeof v === "string" ? { ext: v } : {};
  return { id: "e", source: "s", type: "t", subject: "", time: "", data, extensions };
}

describe.each(FILTERS)("%s", (text) => {
  const side = sideOf(text);

  it("never misses an event for which it holds, whatever the values", () => {
    let held = 0;
    for (const wanted of VALUES) {
      const input: JsonObject = wanted === undefined ? {} : { v: wanted };
      const known = side.values.map((value) => evaluate(value, { fields: {}, input }));
      const own = equalityText(
        side.paths,
        known.map((value) => (value.ok ? value.value : undefined)),
      );
      for (const found of VALUES) {
        const event = eventOf(found);
        // As in wait filters, where `data` is the whole of the data.
        const fields = { data: event.data, ...event.data };
        const scope = { fields, input, event: attributesInScope(event) };
        if (!holds(side.filter, scope).holds) continue;
        held += 1;
        expect([undefined, equalityOfEvent(side.paths, event).text]).toContain(own);
      }
    }
    expect(held).toBeGreaterThan(0);
  });
});

it("names the field that an event does not have", () => {
  expect(equalityOfEvent("v,event.ext", eventOf(1))).toEqual({ missing: "event.ext" });
  expect(equalityOfEvent("v", eventOf({}))).toEqual({});
  expect(equalityOfEvent("v", eventOf("a"))).toEqual({ text: 'v=["a"]' });
});
