/**
 * Starts of workflows that asked for an event of each: `workflows.changes.workflow.triggered`.
 * Boundary: which workflows ask, and the event; it goes out with the first events of the run (event-chains.ts).
 * Invariant: a start costs nothing where nobody asks. Who asks is read once a renewal of the lease, not once a start.
 */
import type { Run } from "../../engine/values/run.ts";
import { triggeredEvent } from "../../runtime/definition-events.ts";
import type { Database } from "../../store/database.ts";
import { findAnnounced } from "../../store/service-reads/announced-starts.ts";
import type { EventFormat, OutgoingEvent } from "../../wire/events/cloud-events.ts";
import { renderChange } from "../../wire/events/lifecycle-events.ts";

/** The workflows that ask. */
export class AnnouncedStarts {
  readonly #database: Pick<Database, "write">;
  #definitionIds: ReadonlySet<string> = new Set();

  constructor(database: Pick<Database, "write">) {
    this.#database = database;
  }

  readonly announces = (definitionId: string) => this.#definitionIds.has(definitionId);

  async refresh(): Promise<void> {
    // On the connections of the lease: no other read holds its renewal up.
    this.#definitionIds = new Set(await findAnnounced(this.#database.write));
  }
}

/** The event of a start. */
export function renderStart(format: EventFormat, run: Run, recordedAt: Date): OutgoingEvent {
  return renderChange(format, triggeredEvent(run, recordedAt));
}
