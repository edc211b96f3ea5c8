/**
 * Hands a message that was put aside again to what handles it when the bus delivers it.
 * Boundary: one message; who may ask, and what is recorded, is the RPC's matter. It needs no connection to the bus.
 * Invariant: a message changes what its first delivery would have: ids of events and of tasks make a repeat harmless.
 */
import type { BusEvent } from "../../engine/values/event.ts";
import { Refusal } from "../../process/refusal.ts";
import type { Redeliver, Redelivered } from "../../runtime/dead-letters.ts";
import { pauseForLeavers } from "../../runtime/pause-for-leavers.ts";
import { type RouteDeps, type RoutedEvent, routeEvent } from "../../runtime/routing/route-event.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import type { KeptLetter } from "../../store/reads/dead-letters.ts";
import { decodeBusMessage } from "../../wire/bus/events.ts";
import { RESULTS_STREAM } from "../../wire/tasks/subjects.ts";
import { firstValuesOf } from "./first-values.ts";
import { submissionsOf, submitAll } from "./handle-results.ts";
import { leaverOf } from "./leavers.ts";

/** Makes the function; `mayTouch` is asked with the workspace that the message turns out to be of. */
export function createRedelivery(deps: RouteDeps): Redeliver {
  return async (letter, mayTouch) =>
    letter.stream === RESULTS_STREAM
      ? redeliverResults(deps, letter, mayTouch)
      : redeliverEvent(deps, letter, mayTouch);
}

async function redeliverEvent(
  deps: RouteDeps,
  { subject, headers, data }: KeptLetter,
  mayTouch: (workspaceId: string) => boolean,
): Promise<Redelivered> {
  const decoded = decodeBusMessage({
    subject,
    headers: firstValuesOf(Object.entries(headers)),
    data,
  });
  if (decoded.ok === "ignored") return failed("it does not concern the service");
  if (decoded.ok === false) return failed(decoded.problem);
  if (!mayTouch(decoded.event.workspaceId)) return failed(FOREIGN);
  const routed = await handled(deps, decoded.event);
  if (routed.ok) return { outcome: "retried", problem: "" };
  const { error, kind } = routed;
  deps.log.warn("a dead letter could not be handled again", { eventId: decoded.event.id, error });
  // What is no refusal is not for callers: the log has it.
  const problem =
    error instanceof Refusal ? error.message : "its handling failed; the log says why";
  return { outcome: kind === "away" ? "away" : "failed", problem };
}

/** As a batch of the bus does (handle-batch.ts): the schedules of a person who left first. */
async function handled(deps: RouteDeps, event: BusEvent): Promise<RoutedEvent> {
  const leaver = leaverOf(event);
  try {
    if (leaver !== undefined) await pauseForLeavers(deps, [leaver]);
  } catch (error) {
    return { ok: false, error, kind: isTemporary(error) ? "away" : "failed" };
  }
  return routeEvent(deps, event);
}

const FOREIGN = "it is of a workspace that the caller does not see";

async function redeliverResults(
  deps: RouteDeps,
  { subject, headers, data, stream, streamSeq }: KeptLetter,
  mayTouch: (workspaceId: string) => boolean,
): Promise<Redelivered> {
  const [messageId] = headers["Nats-Msg-Id"] ?? [];
  const { workspaceId, submissions, problem } = submissionsOf({
    subject,
    data,
    id: messageId ?? `${stream}/${streamSeq}`,
  });
  if (workspaceId !== undefined && !mayTouch(workspaceId)) return failed(FOREIGN);
  const trouble = await submitAll({ ...deps, stream }, submissions);
  if (trouble === "away") return { outcome: "away", problem: "the service has no room for it now" };
  const why = trouble ?? problem;
  return why === "" ? { outcome: "retried", problem: "" } : failed(why);
}

function failed(problem: string): Redelivered {
  return { outcome: "failed", problem };
}
