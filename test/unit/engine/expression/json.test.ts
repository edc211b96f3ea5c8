// JSON values: their size, their faults, their canonical text.

import { describe, expect, it } from "vitest";
import {
  canonicalJson,
  findPayloadFault,
  isJsonObject,
  type Json,
  jsonSizeBytes,
  putValue,
} from "../../../../src/engine/values/json.ts";

function nested(depth: number): Json {
  let value: Json = [];
  for (let at = 1; at < depth; at++) value = at % 2 === 0 ? [value] : { a: value };
  return value;
}

describe("jsonSizeBytes", () => {
  it.each<Json>([
    null,
    true,
    false,
    0,
    -0,
    -1.5e300,
    1e21,
    "",
    "plain",
    'quote " and \\ and / ',
    "\u0000\u0001\b\t\n\f\r\u001f\u007f",
    "é€😀",
    "lone \ud800 and \udc00x",
    [],
    [1, "a", [null]],
    {},
    { a: 1, é: { "😀": [true, false] } },
    JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'),
  ])("is the length of the text of %j", (value) => {
    expect(jsonSizeBytes(value)).toBe(Buffer.byteLength(JSON.stringify(value)));
  });

  it("does not overflow the stack", () => {
    expect(jsonSizeBytes(nested(20_001))).toBeGreaterThan(20_000);
  });
});

describe("findPayloadFault", () => {
  it("finds nothing in a good payload", () => {
    expect(findPayloadFault({ a: [1, "😀", { b: null }], "": true }, 64)).toBeUndefined();
    expect(findPayloadFault(nested(64), 64)).toBeUndefined();
    expect(findPayloadFault("text", 0)).toBeUndefined();
  });

  it.each<[Json, string, string]>([
    [{ a: [1, "x\u0000"] }, "a[1]", "NUL"],
    ["\u0000", "", "NUL"],
    [{ a: { "b\u0000": 1 } }, "a.b\\u0000", "key"],
    [{ a: { b: Number.NaN } }, "a.b", "finite"],
    [[[Number.POSITIVE_INFINITY]], "[0][0]", "finite"],
    [{ ok: 1, s: "\ud800" }, "s", "surrogate"],
    [{ ok: {}, list: [[], [{}]] }, "list[1][0]", "deeper than 3"],
  ])("finds what is wrong with %j", (value, path, problem) => {
    expect(findPayloadFault(value, 3)).toEqual({ path, problem: expect.stringContaining(problem) });
  });

  it("does not overflow the stack", () => {
    expect(findPayloadFault(nested(10_000), 64)).toMatchObject({
      problem: "is nested deeper than 64 levels",
    });
    expect(findPayloadFault(nested(20_000), 20_000)).toBeUndefined();
    const fault = findPayloadFault(nested(20_001), 20_000);
    expect(fault?.path.length).toBeLessThan(300);
  });
});

describe("canonicalJson", () => {
  it("sorts keys by UTF-16 units at every depth", () => {
    const value = { "\ud83d\ude00": 1, "\ufb33": 2, b: { z: 1, a: [1e21, 0.1, -0] }, a: "é\n" };
    expect(canonicalJson(value)).toBe(
      '{"a":"é\\n","b":{"a":[1e+21,0.1,0],"z":1},"\ud83d\ude00":1,"\ufb33":2}',
    );
  });

  it("keeps __proto__", () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":1}}'))).toBe(
      '{"__proto__":{"a":1},"b":1}',
    );
  });
});

describe("objects", () => {
  it("are distinguished from arrays and null", () => {
    expect([{}, [], null, "a", undefined].map((v) => isJsonObject(v))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it("take __proto__ as a key", () => {
    const object = {};
    putValue(object, "__proto__", { polluted: true });
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(JSON.stringify(object)).toBe('{"__proto__":{"polluted":true}}');
  });
});
