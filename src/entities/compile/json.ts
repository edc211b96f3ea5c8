/** Values of JSON. Boundary: types and small functions on them. */

/** Any value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** An object of JSON. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Whether a value is an object with names, not a list. */
export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where a value cannot be written as JSON, as the path inside of it; undefined: it can. */
export function findUnwritable(value: unknown, depth = 0): string | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "string") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "";
  if (typeof value !== "object" || depth > MAX_DEPTH) return "";
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== null && prototype !== Object.prototype) return "";
  for (const [key, item] of Object.entries(value)) {
    const found = findUnwritable(item, depth + 1);
    if (found !== undefined) return Array.isArray(value) ? `[${key}]${found}` : `.${key}${found}`;
  }
  return undefined;
}

/** Deeper than a payload may be. */
const MAX_DEPTH = 64;
