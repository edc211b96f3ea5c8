/**
 * An event for a wait that is open when the event comes: offered to the run at once, which does not wait for the event to be kept.
 *
 * Boundary: an event that is alone in its batch, as in a service that is not busy, and that few waits are open for. Other events are
 * kept first, by one statement (route-event.ts). Which events fit, and where waits are filed, is route-keep.ts's.
 * Invariants:
 * 1. A run that takes the event keeps it in the same commit (commit-batch.ts, B5). Otherwise routing keeps it. In either case waits
 *    are looked up after that, so a wait that opens beside the first look is met as ever.
 * 2. A wait that is as it was at the first look is not offered the event again. One that opened since, or opened again, is: its
 *    row has another version.
 * 3. Inputs of a run keep their order: nothing is offered at once to a run that the event has other inputs for.
 */
import type { BusEvent } from "../../engine/values/event.ts";
import { keyOf } from "../../process/short-memory.ts";
import type { Database } from "../../store/database.ts";
import type { FoundWait } from "../../store/event-readers.ts";
import type { EventToKeep } from "../../store/events.ts";
import type { Submit } from "./early-reports.ts";
import type { KeysOfEdition } from "./listened-keys.ts";
import { findFittingWaits, waitInputsOf } from "./route-inputs.ts";
import { type FittingEvents, noteKept, waitProbesOf } from "./route-keep.ts";
import { type EventOutcome, emptyOutcome } from "./route-submit.ts";

/** Each commit of their runs keeps the event, whose payload may be large. */
const WAITS_AT_MOST = 100;

/** What the first look found out. */
export interface FirstLook {
  readonly fitting: FittingEvents;
  readonly keys: KeysOfEdition | undefined;
  /** Waits of which no equality is known; unset: not looked up. */
  readonly plain: readonly FoundWait[] | undefined;
}

/** What was offered at once, and what came of it. */
export interface OfferedAtOnce {
  readonly outcomes: readonly EventOutcome[];
  /** Events that are still to be kept. */
  readonly toKeep: readonly EventToKeep[];
  /** Whether a wait that was found later was there at the first look. */
  isOffered(wait: FoundWait): boolean;
}

/** Waits for a lone event, of which no equality is known: looked up beside all else. Undefined: not looked up. */
export async function findPlainWaits(
  { read }: Pick<Database, "read">,
  events: readonly BusEvent[],
  keys: KeysOfEdition | undefined,
): Promise<FoundWait[] | undefined> {
  if (events.length > 1 || keys === undefined) return undefined;
  return findFittingWaits({ read }, events, waitProbesOf(events, keys));
}

/** Offers a lone event to the waits that are open, unless one of their runs is among `busyRunIds`. */
export async function offerAtOnce(
  { database }: { readonly database: Pick<Database, "read"> },
  events: readonly BusEvent[],
  { fitting, keys, plain }: FirstLook,
  busyRunIds: ReadonlySet<string>,
  submit: Submit,
): Promise<OfferedAtOnce> {
  const kept = [...fitting.values()];
  const nothing = { outcomes: events.map(emptyOutcome), toKeep: kept, isOffered: () => false };
  if (events.length > 1 || kept.length === 0) return nothing;
  const probes = waitProbesOf(events, keys, fitting);
  const asked = plain === undefined ? probes : probes.filter(({ equals }) => equals !== "");
  const waits = [...(plain ?? []), ...(await findFittingWaits(database, events, asked))];
  if (waits.length > WAITS_AT_MOST || waits.some(({ runId }) => busyRunIds.has(runId)))
    return nothing;
  const offered = new Set(waits.map(nameOf));
  const outcomes = await submit(waitInputsOf(events, waits, fitting), events.length);
  const isTaken = outcomes.some(({ updatedRunIds }) => updatedRunIds.length > 0);
  if (isTaken) noteKept(kept.length);
  return {
    outcomes,
    toKeep: isTaken ? [] : kept,
    isOffered: (wait) => offered.has(nameOf(wait)),
  };
}

function nameOf({ runId, stepIndex, rowVersion }: FoundWait): string {
  return keyOf(runId, String(stepIndex), rowVersion);
}
