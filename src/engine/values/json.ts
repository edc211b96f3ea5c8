// JSON values of payloads, configs and results: their size, whether they can be stored, and one text for equal
// values.
//
// Boundary: pure, no encoder and no Buffer; bytes are counted from UTF-16 code units.
// Invariants:
// 1. Nothing here recurses deeper than the depth the caller allows, so no payload overflows the stack.
// 2. Keys of users are data: `__proto__` is written and read as an own property.

/** A JSON value. Numbers are doubles; `undefined` never occurs inside. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object, with keys in the order in which they were written. */
export type JsonObject = { [key: string]: Json };

/** What keeps a payload from being stored, and its path, such as `items[3].name` (empty for the root). */
export interface PayloadFault {
  path: string;
  problem: string;
}

const SHOWN_PATH_CHARS = 200;

/** With the flag `u`, `\p{Surrogate}` matches lone surrogates only. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether the value is an object, that is neither an array nor null. */
export function isJsonObject(v: Json | undefined): v is JsonObject {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}

/** The value of an own key; undefined without one. Names of Object.prototype are ordinary keys. */
export function ownValue(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Writes an own key in place, also one named `__proto__`, which plain assignment would lose. */
export function putValue(object: JsonObject, key: string, value: Json): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    object[key] = value;
  }
}

/** Bytes of the value's compact JSON text in UTF-8, as `JSON.stringify` writes it. */
export function jsonSizeBytes(v: Json): number {
  let bytes = 0;
  const open: Json[] = [v];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) {
      bytes += 2 + Math.max(0, value.length - 1);
      for (const item of value) open.push(item);
    } else if (isJsonObject(value)) {
      const keys = Object.keys(value);
      bytes += 2 + Math.max(0, keys.length - 1);
      for (const key of keys) {
        bytes += stringSizeBytes(key) + 1;
        const field = ownValue(value, key);
        if (field !== undefined) open.push(field);
      }
    } else {
      bytes += scalarSizeBytes(value);
    }
  }
  return bytes;
}

function scalarSizeBytes(value: null | boolean | number | string): number {
  if (typeof value === "string") return stringSizeBytes(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value).length : 4;
  return value === false ? 5 : 4;
}

function stringSizeBytes(text: string): number {
  let bytes = 2 + text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x22 || unit === 0x5c) bytes += 1;
    else if (unit < 0x20) bytes += isShortEscape(unit) ? 1 : 5;
    else if (unit < 0x80) continue;
    else if (unit < 0x800) bytes += 1;
    else if (!isSurrogate(unit)) bytes += 2;
    else if (isPair(text, i)) {
      bytes += 2;
      i += 1;
    } else bytes += 5;
  }
  return bytes;
}

/** Bytes of a text in UTF-8; a lone surrogate counts as the three bytes of its replacement. */
export function textSizeBytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    if (isSurrogate(unit) && isPair(text, i)) i += 1;
  }
  return bytes;
}

function isShortEscape(unit: number): boolean {
  return unit === 0x08 || unit === 0x09 || unit === 0x0a || unit === 0x0c || unit === 0x0d;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function isPair(text: string, at: number): boolean {
  const high = text.charCodeAt(at);
  const low = text.charCodeAt(at + 1);
  return high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}

interface Frame {
  value: Json[] | JsonObject;
  keys: string[] | undefined;
  next: number;
}

/**
 * The first thing that keeps a payload from being stored: containers nested deeper than `maxDepth`
 * (an empty object alone has depth 1), a NUL character or a lone surrogate in a string or key, a
 * number that is not finite. Undefined when the payload is fine.
 */
export function findPayloadFault(v: Json, maxDepth: number): PayloadFault | undefined {
  const open: Frame[] = [];
  let value: Json | undefined = v;
  for (;;) {
    if (value !== undefined) {
      const problem = scalarProblem(value);
      if (problem !== undefined) return { path: pathOf(open), problem };
      if (typeof value === "object" && value !== null) {
        if (open.length >= maxDepth) {
          return {
            path: pathOf(open),
            problem: `is nested deeper than ${maxDepth} levels`,
          };
        }
        open.push({
          value,
          keys: Array.isArray(value) ? undefined : Object.keys(value),
          next: 0,
        });
      }
    }
    const frame = open.at(-1);
    if (frame === undefined) return undefined;
    const step = nextChild(frame);
    if (step === undefined) open.pop();
    else if (step.problem !== undefined) return { path: pathOf(open), problem: step.problem };
    value = step?.child;
  }
}

function nextChild(frame: Frame): { child?: Json | undefined; problem?: string } | undefined {
  const at = frame.next;
  frame.next += 1;
  if (Array.isArray(frame.value)) {
    return at < frame.value.length ? { child: frame.value[at] } : undefined;
  }
  const key = frame.keys?.[at];
  if (key === undefined) return undefined;
  const problem = textProblem(key);
  return problem === undefined
    ? { child: ownValue(frame.value, key) }
    : { problem: `has a key that ${problem}` };
}

function scalarProblem(value: Json): string | undefined {
  if (typeof value === "string") return textProblem(value);
  if (typeof value === "number" && !Number.isFinite(value)) return "is not a finite number";
  return undefined;
}

function textProblem(text: string): string | undefined {
  if (text.includes("\u0000")) return "holds a NUL character (\\u0000)";
  if (!text.isWellFormed()) return "holds a lone surrogate";
  return undefined;
}

function pathOf(open: readonly Frame[]): string {
  let path = "";
  for (const frame of open) {
    const at = frame.next - 1;
    if (frame.keys === undefined) path += `[${at}]`;
    else path += path === "" ? (frame.keys[at] ?? "") : `.${frame.keys[at] ?? ""}`;
    if (path.length > SHOWN_PATH_CHARS) return `${path.slice(0, SHOWN_PATH_CHARS)}…`;
  }
  return path.replaceAll("\u0000", "\\u0000").replace(LONE_SURROGATE, "\ufffd");
}

/**
 * The one text of a value (RFC 8785): keys sorted by UTF-16 units, numbers as ECMAScript writes
 * them, no white space. Equal values give equal texts. Meant for values whose depth is checked.
 */
export function canonicalJson(v: Json): string {
  if (Array.isArray(v)) return `[${v.map(canonicalJson).join(",")}]`;
  if (!isJsonObject(v)) return JSON.stringify(v);
  const fields = Object.keys(v)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(ownValue(v, key) ?? null)}`);
  return `{${fields.join(",")}}`;
}
