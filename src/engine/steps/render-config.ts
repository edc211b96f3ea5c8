/** A step's config with its `{{ }}` rendered against the step's input. Pure. */
import type { Draft } from "../draft/draft.ts";
import { renderIn } from "../draft/scope.ts";
import { isJsonObject, type JsonObject } from "../values/json.ts";

/** The rendered config, or the expression that failed. */
export function renderConfig(
  draft: Draft,
  index: number,
  input: JsonObject,
): { ok: true; value: JsonObject } | { ok: false; problem: string } {
  const rendered = renderIn(draft, draft.step(index).config, input);
  if (!rendered.ok) return rendered;
  return { ok: true, value: isJsonObject(rendered.value) ? rendered.value : {} };
}
