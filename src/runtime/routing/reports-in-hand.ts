/**
 * Reports of one source that are being routed while further events of it come.
 * Boundary: divides the events of a batch; which batch is routed when is its caller's (ingress/bus/handle-batch.ts).
 * Invariants:
 * 1. A report is plain where its object's step is remembered (known-reports.ts), no trigger and no wait pattern wants its event
 *    (listened-keys.ts), and the batch has no other report about the object. What comes later need not wait for it, unless it is
 *    about the same object.
 * 2. Reports about one object are routed in the order in which they came.
 */
import type { BusEvent } from "../../engine/values/event.ts";
import { keyOf } from "../../process/short-memory.ts";
import type { ObjectProbe } from "../../store/event-readers.ts";
import type { Processor } from "../processor.ts";
import { divideKnown } from "./known-reports.ts";
import type { KeysOfEdition } from "./listened-keys.ts";
import { objectProbesOf } from "./route-inputs.ts";
import { patternProbesOf } from "./route-keep.ts";
import { triggerProbesOf } from "./route-starts.ts";

/** See the file's head. */
export class ReportsInHand {
  readonly #routing = new Map<string, Promise<unknown>>();

  /** The places of events that are plain reports, about objects that no report in hand is about. */
  plainPlaces(
    processor: Pick<Processor, "findStep" | "listenedKeys">,
    events: readonly BusEvent[],
  ): ReadonlySet<number> {
    const keys = processor.listenedKeys.latest;
    if (keys === undefined) return new Set();
    const { known } = divideKnown(processor, objectProbesOf(events));
    const free = known.filter(({ object }) => !this.#routing.has(nameOf(object)));
    if (free.length === 0) return new Set();
    const listened = listenedPlaces(events, keys);
    return new Set(free.map(({ object }) => object.place).filter((place) => !listened.has(place)));
  }

  /** Has the events' objects in hand until `routing` is done. */
  hold(events: readonly BusEvent[], routing: Promise<unknown>): void {
    const names = objectProbesOf(events).map(nameOf);
    for (const name of names) this.#routing.set(name, routing);
    const end = () => {
      for (const name of names) this.#routing.delete(name);
    };
    void routing.then(end, end);
  }

  /** Resolves when no report about one of the events' objects is in hand. */
  async routed(events: readonly BusEvent[]): Promise<void> {
    const names = objectProbesOf(events).map(nameOf);
    await Promise.all(names.map((name) => this.#routing.get(name)));
  }
}

/** The places of events that a trigger, or a wait, may want. */
function listenedPlaces(events: readonly BusEvent[], keys: KeysOfEdition): Set<number> {
  const probes = [...triggerProbesOf(events, keys), ...patternProbesOf(events, keys)];
  return new Set(probes.map(({ place }) => place));
}

function nameOf({ workspaceId, kind, objectId }: ObjectProbe): string {
  return keyOf(workspaceId, kind, objectId);
}
