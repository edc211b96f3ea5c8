/**
 * The events that this replica shows to those who tail them, read from the bus once for all.
 * Boundary: memory; who may see which workspace is the caller's. What listens to the bus is ingress/bus/published-events.ts.
 * Invariants:
 * 1. The replica subscribes to the bus while it has a tail. Without one an event costs it nothing.
 * 2. An event is decoded once for all tails, and only where one of them wants its type.
 * 3. Tails and what they have not taken are bounded. One that falls behind is cut off; none makes another one, or a publisher, wait.
 */
import { matchesPattern, type Pattern } from "../engine/matching/pattern.ts";
import type { PublishedEvent } from "../engine/values/published-event.ts";
import { Refusal } from "../process/refusal.ts";
import { type Wakes, wakeAll } from "./wakes.ts";

/** Which events of a workspace; what is empty takes all. */
export interface EventFilters {
  readonly workspaceId: string;
  readonly types: readonly Pattern[];
  readonly runId: string;
  readonly definitionId: string;
}

/** What comes from the bus. */
export interface EventListener {
  /** A message on a subject, which is the event's type; `read` gives undefined for what is no event. */
  take(type: string, read: () => PublishedEvent | undefined): void;
  /** Nothing comes any more, for a reason in words. */
  end(reason: string): void;
}

/** Listens to the events of all replicas; resolves when none is missed any more, with what stops it. Rejects with a Refusal. */
export type ListenToEvents = (listener: EventListener) => Promise<() => void>;

/** One who tails. */
export interface EventTail {
  /** The oldest event that was not taken; undefined: there is none. Throws a Refusal when the tail was cut off. */
  next(): PublishedEvent | undefined;
  /** Who waits for an event, or for the end. */
  readonly wakes: Wakes;
  close(): void;
}

/** The feed of one replica. */
export interface EventFeed {
  /** Resolves when no event is missed any more. Refuses overloaded when too many tail, and unavailable without the bus. */
  tail(filters: EventFilters): Promise<EventTail>;
  /** Cuts all tails off: events may have been missed. */
  cutOff(reason: string): void;
  /** Ends all tails. */
  stop(): void;
}

/** Limits of a feed. */
export interface EventFeedLimits {
  readonly tails: { readonly workspace: number; readonly all: number };
  /** Not taken. */
  readonly events: number;
  readonly bytes: { readonly tail: number; readonly all: number };
}

interface Tail {
  readonly filters: EventFilters;
  readonly wakes: Wakes;
  events: PublishedEvent[];
  bytes: number;
  ended: Refusal | undefined;
}

const MIB = 1024 * 1024;
const LIMITS: EventFeedLimits = {
  tails: { workspace: 100, all: 500 },
  events: 1_000,
  bytes: { tail: 4 * MIB, all: 64 * MIB },
};
/** The service has some twenty types. With more, which others publish on its subjects, the memory is cleared. */
const TYPES_KEPT = 100;

/** Makes a feed; it listens to nothing yet. */
export function createEventFeed(listen: ListenToEvents, limits = LIMITS): EventFeed {
  let listening: Promise<() => void> | undefined;
  let isStopping = false;
  const tails = new Tails(limits, () => {
    void listening?.then(
      (stop) => stop(),
      () => {},
    );
    listening = undefined;
  });
  return {
    async tail(filters) {
      if (isStopping) throw stopping();
      const tail = tails.add(filters);
      listening ??= listen(tails);
      try {
        await listening;
      } catch (error) {
        tails.leave(tail);
        throw error;
      }
      // The bus may refuse before it is listened to: then there is no first message, which says that no event is missed.
      if (tail.ended !== undefined) throw tail.ended;
      return {
        wakes: tail.wakes,
        next: () => tails.next(tail),
        close: () => tails.leave(tail),
      };
    },
    cutOff: (reason) => tails.end(reason),
    stop() {
      isStopping = true;
      tails.endAll(stopping());
    },
  };
}

/** Those who tail, with what they have not taken. */
class Tails implements EventListener {
  readonly #tails = new Set<Tail>();
  /** The tails that want a type. */
  readonly #ofTypes = new Map<string, readonly Tail[]>();
  readonly #limits: EventFeedLimits;
  readonly #onEmpty: () => void;
  #bytes = 0;

  constructor(limits: EventFeedLimits, onEmpty: () => void) {
    this.#limits = limits;
    this.#onEmpty = onEmpty;
  }

  /** Refuses overloaded where there is no place. */
  add(filters: EventFilters): Tail {
    requirePlace(this.#tails, filters.workspaceId, this.#limits);
    const tail: Tail = { filters, wakes: new Set(), events: [], bytes: 0, ended: undefined };
    this.#tails.add(tail);
    this.#ofTypes.clear();
    return tail;
  }

  next(tail: Tail): PublishedEvent | undefined {
    if (tail.ended !== undefined) throw tail.ended;
    const event = tail.events.shift();
    this.#hold(tail, -(event?.bytes ?? 0));
    return event;
  }

  leave(tail: Tail): void {
    if (!this.#tails.delete(tail)) return;
    this.#ofTypes.clear();
    this.#hold(tail, -tail.bytes);
    tail.events = [];
    if (this.#tails.size === 0) this.#onEmpty();
  }

  take(type: string, read: () => PublishedEvent | undefined): void {
    const wanted = this.#wantedBy(type);
    const event = wanted.length === 0 ? undefined : read();
    if (event === undefined) return;
    for (const tail of wanted) {
      if (tail.ended === undefined && isOf(tail.filters, event)) this.#give(tail, event);
    }
  }

  end(reason: string): void {
    this.endAll(new Refusal("unavailable", `${reason}; tail the events again`));
  }

  endAll(why: Refusal): void {
    for (const tail of [...this.#tails]) this.#end(tail, why);
  }

  #wantedBy(type: string): readonly Tail[] {
    const known = this.#ofTypes.get(type);
    if (known !== undefined) return known;
    const wanted = [...this.#tails].filter(({ filters }) => takes(filters, type));
    if (this.#ofTypes.size >= TYPES_KEPT) this.#ofTypes.clear();
    this.#ofTypes.set(type, wanted);
    return wanted;
  }

  #give(tail: Tail, event: PublishedEvent): void {
    const { events, bytes } = this.#limits;
    tail.events.push(event);
    this.#hold(tail, event.bytes);
    if (tail.events.length > events || tail.bytes > bytes.tail) this.#end(tail, behind());
    else if (this.#bytes > bytes.all) this.#end(largestOf(this.#tails) ?? tail, behind());
    wakeAll(tail.wakes);
  }

  #end(tail: Tail, why: Refusal): void {
    tail.ended = why;
    this.leave(tail);
    wakeAll(tail.wakes);
  }

  #hold(tail: Tail, bytes: number): void {
    tail.bytes += bytes;
    this.#bytes += bytes;
  }
}

function requirePlace(
  tails: ReadonlySet<Tail>,
  workspaceId: string,
  { tails: atMost }: EventFeedLimits,
): void {
  const own = [...tails].filter(({ filters }) => filters.workspaceId === workspaceId);
  if (own.length < atMost.workspace && tails.size < atMost.all) return;
  throw new Refusal("overloaded", "the events are tailed too many times; try again later");
}

function takes({ types }: EventFilters, type: string): boolean {
  return types.length === 0 || types.some((pattern) => matchesPattern(pattern, type));
}

function isOf({ workspaceId, runId, definitionId }: EventFilters, event: PublishedEvent): boolean {
  return (
    workspaceId === event.workspaceId &&
    (runId === "" || runId === event.runId) &&
    (definitionId === "" || definitionId === event.definitionId)
  );
}

function largestOf(tails: ReadonlySet<Tail>): Tail | undefined {
  return [...tails].reduce<Tail | undefined>(
    (largest, tail) => (tail.bytes > (largest?.bytes ?? -1) ? tail : largest),
    undefined,
  );
}

function behind(): Refusal {
  return new Refusal("overloaded", "events came faster than they were taken; tail them again");
}

function stopping(): Refusal {
  return new Refusal("unavailable", "the service stops; tail the events again");
}
