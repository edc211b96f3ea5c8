/** JSON merge patches (RFC 7396) on objects. Pure; no deeper than the patch. */
import { isJsonObject, type JsonObject, ownValue, putValue } from "./json.ts";

/** The target with the patch: objects are merged, null removes a field, any other value replaces it. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const inner = ownValue(merged, key);
    if (value === null) delete merged[key];
    else if (!isJsonObject(value)) putValue(merged, key, value);
    else putValue(merged, key, mergePatch(isJsonObject(inner) ? inner : {}, value));
  }
  return merged;
}
