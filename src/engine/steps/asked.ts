/** What a step asks of people, where its config was rendered: stored with the row, for readers cannot render it. Pure. */
import { type JsonObject, ownValue } from "../values/json.ts";
import type { StepDetail } from "../values/step-detail.ts";
import { textSetting } from "./plain.ts";

/** Rendered, a payload may be in a text. */
const TEXT_CHARS = 4_000;

/** What readers cannot take from the version: the person, and texts that were rendered. Undefined: nothing. */
export function askedOf(config: JsonObject, written: JsonObject): StepDetail["asked"] {
  const assignee = textSetting(config, "assignee");
  const asked = {
    ...(assignee === "" ? {} : { assignee }),
    ...renderedText(config, written, "title"),
    ...renderedText(config, written, "instructions"),
  };
  return Object.keys(asked).length === 0 ? undefined : asked;
}

function renderedText(config: JsonObject, written: JsonObject, key: "title" | "instructions") {
  const template = ownValue(written, key);
  if (template === undefined || template === null) return {};
  const text = textSetting(config, key);
  // An empty one is kept too: else readers would show the template.
  return text === template ? {} : { [key]: shorten(text) };
}

// The cut may split a surrogate pair.
function shorten(text: string): string {
  if (text.length <= TEXT_CHARS) return text;
  return `${text.slice(0, TEXT_CHARS - 1).toWellFormed()}…`;
}
