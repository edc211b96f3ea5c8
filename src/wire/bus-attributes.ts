/**
 * What every encoding asks of the attributes of CloudEvents 1.0 that must be there.
 *
 * Boundary: presence and kind; how long they may be is decided in bus-events.ts.
 */
import type { Json } from "../engine/json.ts";
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
