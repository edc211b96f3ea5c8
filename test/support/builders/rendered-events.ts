/** A run's history as the events that the bus would see, in any format. */
import type { PayloadSource } from "../../../src/engine/draft/payloads.ts";
import type { EventFormat, OutgoingEvent } from "../../../src/wire/events/cloud-events.ts";
import { renderMove } from "../../../src/wire/events/lifecycle-events.ts";
import type { EngineRun } from "../engine/engine-run.ts";

/** When every event of `renderHistory` was recorded. */
export const RECORDED = new Date("2026-01-02T03:04:05.678Z");

/** Every event of a run's history, rendered from the rows as they stand at the end. */
export function renderHistory(
  at: EngineRun,
  format: EventFormat = "cloudevents",
  run = at.run,
): OutgoingEvent[] {
  return [...eachEvent(at, format, run)];
}

/** The first event alone: the histories of large runs are long. */
export function renderFirst(at: EngineRun, format: EventFormat = "cloudevents"): OutgoingEvent {
  for (const event of eachEvent(at, format, at.run)) return event;
  throw new Error("the history has no event");
}

function* eachEvent(at: EngineRun, format: EventFormat, run: EngineRun["run"]) {
  const source: PayloadSource = {
    graph: at.graph,
    run,
    payloadMemo: new Map(),
    runInput: () => at.input,
    peek(index) {
      const row = at.rows.get(index);
      if (row === undefined) throw new Error(`no row ${index}`);
      return row;
    },
  };
  for (const { seq, moves } of at.history) {
    for (const [place, move] of moves.entries()) {
      const context = { move, seq, place, recordedAt: RECORDED, runState: run.state, source };
      const event = renderMove(format, context);
      if (event !== undefined) yield event;
    }
  }
}

/** The body's bytes as they go onto the bus. */
export function bytesOfBody({ body }: OutgoingEvent): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body;
}
