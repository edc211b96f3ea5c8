/**
 * The parts of a JSON Schema: how many there are once every reference is written out, and what they refer to.
 * Boundary: structure only; what a keyword means is left to the validator.
 */
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../engine/values/json.ts";

const MAX_NODES = 2_000;
/** Keywords whose values are data, not schemas. */
const DATA: readonly string[] = ["const", "enum", "default", "example", "examples"];

/** Parts of a schema with every reference written out; throws when there are too many, or a cycle. Shows each `format`. */
export function countNodes(root: JsonObject, onFormat?: (format: string) => void): number {
  let nodes = 0;
  const open = new Set<string>();
  const visit = (part: Json, isData: boolean): void => {
    nodes += 1;
    if (nodes > MAX_NODES) throw new Error(`it has more than ${MAX_NODES} parts`);
    if (Array.isArray(part)) for (const item of part) visit(item, isData);
    if (!isJsonObject(part)) return;
    for (const [key, value] of Object.entries(part)) {
      if (isData) visit(value, true);
      else if (key === "$ref" && typeof value === "string") follow(value);
      else visitKeyword(key, value);
    }
  };
  const visitKeyword = (key: string, value: Json): void => {
    if (key === "$dynamicRef" || key === "$recursiveRef") throw new Error(`${key} is not taken`);
    if (key === "format" && typeof value === "string") onFormat?.(value);
    visit(value, DATA.includes(key));
  };
  const follow = (pointer: string): void => {
    if (open.has(pointer)) throw new Error(`${pointer} refers to itself`);
    open.add(pointer);
    visit(partAt(root, pointer), false);
    open.delete(pointer);
  };
  visit(root, false);
  return nodes;
}

function partAt(root: JsonObject, pointer: string): Json {
  if (pointer === "#") throw new Error("# refers to itself");
  if (!pointer.startsWith("#/")) throw new Error(`${pointer} is not a reference within the schema`);
  let part: Json | undefined = root;
  for (const token of pointer.slice(2).split("/")) {
    if (part === undefined) break;
    const key = decodeToken(token);
    if (Array.isArray(part)) part = part[Number(key)];
    else part = isJsonObject(part) ? ownValue(part, key) : undefined;
  }
  if (part === undefined) throw new Error(`${pointer} refers to nothing`);
  return part;
}

/** A token of a JSON pointer as the key that it stands for. */
export function decodeToken(token: string): string {
  return decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
}
