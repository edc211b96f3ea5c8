/** Objects of a form as rows of names and texts. Boundary: pure; what has objects inside is typed in the text. */
import type { Json, JsonObject } from "../../../../../src/engine/values/json.ts";

/** A key and its value as a person types it. */
export interface Row {
  readonly name: string;
  readonly text: string;
  /** The value that the text was made of; unset: it was typed. */
  readonly was?: Json;
}

/** Undefined: the value cannot be typed in rows. */
export function rowsOf(value: Json | undefined): Row[] | undefined {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const rows: Row[] = [];
  for (const [name, each] of Object.entries(value)) {
    if (typeof each === "object" && each !== null) return undefined;
    rows.push({ name, text: textOf(each), was: each });
  }
  return rows;
}

/** Undefined: there are no rows. `isText`: values are texts whatever they look like. */
export function valueOfRows(rows: readonly Row[], isText: boolean): JsonObject | undefined {
  const named = rows.filter(({ name }) => name.trim() !== "");
  if (named.length === 0) return undefined;
  return Object.fromEntries(named.map((row) => [row.name.trim(), isText ? row.text : jsonOf(row)]));
}

function textOf(value: Json): string {
  return value === null ? "" : String(value);
}

/** What nobody has changed stays what it is: the text "5" becomes no number. */
function jsonOf({ text, was }: Row): Json {
  return was !== undefined && text === textOf(was) ? was : scalarOf(text);
}

function scalarOf(text: string): Json {
  if (/^-?(0|[1-9]\d{0,14})(\.\d{1,10})?$/.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  return text;
}

/** Types of the short form of a schema. */
export const TYPES = ["string", "number", "integer", "boolean", "object", "array"] as const;

/** Whether all rows are types of the short form. */
export function areTypes(rows: readonly Row[]): boolean {
  return rows.every(({ text }) => TYPES.some((type) => text === type || text === `${type}?`));
}
