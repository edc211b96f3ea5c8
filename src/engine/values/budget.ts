/**
 * How much one transition may do before the rest of its work is left to the next one.
 * Boundary: counts units of work and measures no time, so the same input does the same work everywhere.
 * A unit is about ten nanoseconds (expression/fuel.ts). A byte that a transition creates costs a unit too, for it is
 * measured, encoded and sent; so the budget bounds memory as well as time.
 */
import type { Call } from "./effect.ts";
import { type JsonObject, jsonSizeBytes } from "./json.ts";

/** The budget of a transition: about 10 ms, or 1 MB of payloads. Only its last piece of work may pass it. */
export const TRANSITION_UNITS = 1_000_000;
/** A step that begins or ends: its row and its place in the history. */
export const STEP_UNITS = 500;
/** An edge that is decided, besides its condition. */
export const EDGE_UNITS = 20;

/** After so long without a commit that went on with it, a run with pending work is found by the standing loop. */
export const CONTINUE_AFTER_MS = 5_000;

const sizes = new WeakMap<JsonObject, number>();

/** Bytes of a payload as compact JSON. Payloads never change, so each is measured once. */
export function payloadBytes(payload: JsonObject): number {
  const known = sizes.get(payload);
  if (known !== undefined) return known;
  const bytes = jsonSizeBytes(payload);
  sizes.set(payload, bytes);
  return bytes;
}

/** About as many bytes as the request of a call has. */
export function callBytes(call: Call): number {
  switch (call.kind) {
    case "create_objective":
      return call.title.length + call.description.length;
    case "delegate":
      return call.reason.length + call.context.length;
    case "request_approval":
      return payloadBytes(call.payload) + payloadBytes(call.context);
    case "evaluate_action":
      return payloadBytes(call.payload);
    case "send_notification":
      return payloadBytes(call.variables) + call.subject.length + call.body.length;
    case "start_run":
      return payloadBytes(call.input);
    case "tell_parent":
      return call.report.output === undefined ? 0 : payloadBytes(call.report.output);
    case "look_up":
    case "read_output":
    case "query_usage":
    case "cancel_objective":
    case "escalate_approval":
    case "cancel_run":
    case "compensate_run":
      return 0;
  }
}
