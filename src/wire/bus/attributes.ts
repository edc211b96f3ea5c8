/**
 * Attributes of CloudEvents 1.0 in every encoding: which must be there, and the text of one of another type.
 *
 * Boundary: presence and kind; how long they may be is decided in events.ts.
 */
import { findPayloadFault, type Json, putValue } from "../../engine/values/json.ts";
import { type Poison, poison } from "./poison.ts";

const REQUIRED = ["id", "source", "type"] as const;

/**
 * The first fault of the required attributes; `find` gives an attribute as it came, `versionName` is
 * the name of specversion in the encoding. An empty text counts as missing.
 */
export function findRequiredFault(
  find: (name: string) => Json | undefined,
  versionName: string,
): Poison | undefined {
  for (const name of [...REQUIRED, versionName]) {
    const value = find(name);
    if (value === undefined || value === null || value === "") {
      return poison("missing_attribute", `the attribute ${name} is missing`);
    }
    if (typeof value !== "string") return poison("bad_attribute", `${name} is not a text`);
  }
  return find(versionName) === "1.0"
    ? undefined
    : poison("bad_attribute", `${versionName} is not 1.0`);
}

/** Attributes that are no extensions, and the names under which encodings hold the data. */
const CONTEXT: ReadonlySet<string> = new Set([
  ...REQUIRED,
  "specversion",
  "subject",
  "time",
  "datacontenttype",
  "dataschema",
  "data",
  "data_base64",
]);

/**
 * The canonical text form of an attribute (CloudEvents 1.0, type system): `5` of an integer, `true` of a boolean; "" of what
 * is no attribute's value.
 */
function attributeText(value: Json | undefined): string {
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
      return String(value);
    case "number":
      return Number.isInteger(value) ? BigInt(value).toString() : String(value);
    default:
      return "";
  }
}

/** The first of these attributes whose text is not empty, else "". */
export function readAttribute(
  find: (name: string) => Json | undefined,
  ...names: readonly string[]
): string {
  for (const name of names) {
    const text = attributeText(find(name));
    if (text !== "") return text;
  }
  return "";
}

/** The extension attributes among these, as texts. One that could not be stored is left out. */
export function extensionsOf(
  attributes: Iterable<readonly [name: string, value: Json]>,
): Record<string, string> {
  const extensions: Record<string, string> = {};
  for (const [name, value] of attributes) {
    const text = attributeText(value);
    if (text === "" || CONTEXT.has(name)) continue;
    if (findPayloadFault({ [name]: text }, 1) === undefined) putValue(extensions, name, text);
  }
  return extensions;
}
