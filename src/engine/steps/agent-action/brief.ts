/** What an agent or a worker gets of a step: its input and its rendered config. Pure. */
import type { Draft } from "../../draft/draft.ts";
import { inputOf } from "../../draft/payloads.ts";
import type { JsonObject } from "../../values/json.ts";
import { textSetting } from "../plain.ts";
import { renderConfig } from "../render-config.ts";
import { AGENT_ACTION_KEYS } from "./keys.ts";

/** The parts of a brief. */
export interface Brief {
  readonly title: string;
  readonly instructions: string;
  /** The author's own keys of config. */
  readonly parameters: JsonObject;
  readonly input: JsonObject;
}

/** Renders the config of a step against its input, or gives the expression that failed. */
export function renderBrief(
  draft: Draft,
  index: number,
): { readonly ok: true; readonly brief: Brief } | { readonly ok: false; readonly problem: string } {
  const { def } = draft.step(index);
  const input = inputOf(draft.payloads, index);
  const config = renderConfig(draft, index, input);
  if (!config.ok) return config;
  const parameters = Object.fromEntries(
    Object.entries(config.value).filter(([key]) => !Object.hasOwn(AGENT_ACTION_KEYS, key)),
  );
  const title = textSetting(config.value, "title");
  return {
    ok: true,
    brief: {
      title: title === "" ? def.name || def.id : title,
      instructions: textSetting(config.value, "instructions"),
      parameters,
      input,
    },
  };
}
