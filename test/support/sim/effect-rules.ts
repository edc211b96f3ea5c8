/**
 * What must be true while a world is under way: what is acknowledged has had its effect, and a call that a replica holds
 * is in its hands, and what came too early is taken as soon as its step knows of it.
 * Boundary: reads the model's tables.
 */
import { isOpenTicket } from "../../../src/engine/steps/approvals/tickets.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import type { World } from "./world.ts";

/** An event as it was published. */
export interface PublishedEvent {
  readonly id: string;
  readonly subject: string;
  readonly data: JsonObject;
}

/** So much later than its end a lease is judged, and a kept report than its step knows of it: what ends it is under way. */
const LATE_MS = 1_000;

/** See the file's head. */
export class EffectRules {
  readonly #world: World;
  readonly #broken = new Set<string>();
  /** Since when a step waits for an object whose end is kept. */
  readonly #awaited = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Judges an event that a replica acknowledges: its end is stored, or it is kept for a step that does not know its object. */
  judgeAcknowledged({ id, subject, data }: PublishedEvent): void {
    const { tables } = this.#world.server;
    const objectId = String(data.id ?? data.approval_request_id ?? "");
    if (subject === "start.line") {
      const isStarted = [...tables.starts.committed.values()].some(({ eventId }) => eventId === id);
      if (!isStarted) this.#note(`${id} is acknowledged and has started nothing`);
    } else if (objectId !== "") {
      const isEarly = [...tables.early.committed.values()].some(
        (report) => report.objectId === objectId,
      );
      if (!isEarly && this.#isAwaited(objectId)) {
        this.#note(`the end of ${objectId} is acknowledged, and its step waits for it`);
      }
    }
  }

  /** Judges the leases of calls: a replica renews those in its hands, and holds no others. */
  judgeLeases(): void {
    const { server, members, clock, isCommitUnknown } = this.#world;
    for (const { id, holder, leaseUntil } of server.tables.effects.committed.values()) {
      if (leaseUntil.getTime() + LATE_MS > clock.epochMs || isCommitUnknown) continue;
      const member = members.find((each) => each.id === holder);
      if (member?.link.hasFrozen === false) {
        this.#note(`${holder} holds the call ${id}, and does not perform it`);
      }
    }
  }

  /** Judges reports that were kept: where nothing goes wrong, no sweep is needed to bring one to its step. */
  judgeEarly(): void {
    const { server, clock, hasTrouble } = this.#world;
    if (hasTrouble) return;
    for (const { objectId } of server.tables.early.committed.values()) {
      if (!this.#isAwaited(objectId)) this.#awaited.delete(objectId);
      else if (!this.#awaited.has(objectId)) this.#awaited.set(objectId, clock.nowMs);
      else if ((this.#awaited.get(objectId) ?? 0) + LATE_MS < clock.nowMs) {
        this.#note(`the end of ${objectId} is kept, and its step waits for it`);
      }
    }
  }

  #isAwaited(objectId: string): boolean {
    return [...this.#world.server.tables.steps.committed.values()].some(
      ({ completedAt, objectiveId, detail }) =>
        completedAt === null &&
        (objectiveId === objectId ||
          (detail?.approvals ?? []).some(
            (ticket) => ticket.requestId === objectId && isOpenTicket(ticket),
          )),
    );
  }

  #note(fault: string): void {
    if (!this.#broken.has(fault)) this.#world.broken(fault);
    this.#broken.add(fault);
  }
}
