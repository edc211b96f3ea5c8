/**
 * How much work one transition may do before it leaves the rest to the next one.
 * Boundary: counts units of work and measures no time, so the same input costs the same on every machine.
 * A unit is about ten nanoseconds (expression/fuel.ts). A byte that a transition creates costs a unit too, for it is
 * measured, encoded and sent; so the budget bounds memory as well as time.
 */
import type { Call } from "./call.ts";
import { type JsonObject, jsonSizeBytes } from "./json.ts";

/** The budget of a transition: about 10 ms, or 1 MB of payloads. Only its last piece of work may pass it. */
export const TRANSITION_UNITS = 1_000_000;
/** Units for a step that begins or ends: its row and its line in the history. */
export const STEP_UNITS = 500;
/** Units for an edge that is decided, without its condition. */
export const EDGE_UNITS = 20;

/** The standing loop takes up a run with pending work after this long without a commit that continued it. */
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

/** Approximate size of the call's request, in bytes. */
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
    case "start_rerun":
      return call.input === undefined ? 0 : payloadBytes(call.input);
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
