/** The keys of an AGENT_ACTION's config; other keys are the author's parameters. */
import { EVERY_TYPES_KEYS, type KeyTable } from "../keys.ts";

/** See the file's head. */
export const AGENT_ACTION_KEYS: KeyTable = {
  ...EVERY_TYPES_KEYS,
  input: "object",
  instructions: "text",
  delegate: "flag",
  workflow: "workflow",
  queue: "queue",
};
