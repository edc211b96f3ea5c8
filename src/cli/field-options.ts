/** Options `field=value`, given once for each field, as one JSON object. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject, ownValue, putValue } from "../engine/values/json.ts";
import { type Call, listOption } from "./call.ts";
import { usageFault } from "./failure.ts";

/** The object of all fields, `customer.email=a@b.c` below `customer`; undefined without any. */
export function readFields(call: Call, name: string): JsonObject | undefined {
  const given = listOption(call, name);
  if (given.length === 0) return undefined;
  const object: JsonObject = {};
  for (const text of given) putField(object, text, name);
  return object;
}

function putField(object: JsonObject, text: string, option: string): void {
  const [, path = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const names = path.split(".");
  if (path === "" || names.includes("")) {
    throw usageFault(`--${option} ${text}: write a field and its value, such as amount_usd=40`);
  }
  const last = names.pop() ?? "";
  let place = object;
  for (const each of names) {
    if (!Object.hasOwn(place, each)) putValue(place, each, {});
    const inner = ownValue(place, each);
    if (!isJsonObject(inner)) throw twice(option, path);
    place = inner;
  }
  if (Object.hasOwn(place, last)) throw twice(option, path);
  putValue(place, last, readValue(value, option));
}

function twice(option: string, path: string): Error {
  return usageFault(`--${option} gives ${path} twice, or a field within it`);
}

/** JSON where it is some, else the text itself. */
function readValue(text: string, option: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/^\s*[{["]/.test(text)) return text;
    const reason = error instanceof Error ? error.message : String(error);
    throw usageFault(`--${option} ${text} is no JSON: ${reason}`, error);
  }
}
