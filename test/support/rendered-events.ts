/** A run's history as the events that the bus would see, in any format. */
import type { PayloadSource } from "../../src/engine/payloads.ts";
import type { EventFormat, OutgoingEvent } from "../../src/wire/cloud-events.ts";
import { renderMove } from "../../src/wire/lifecycle-events.ts";
import type { EngineRun } from "./engine-run.ts";

/** When every event of `renderHistory` was recorded. */
export const RECORDED = new Date("2026-01-02T03:04:05.678Z");

/** Every event of a run's history, rendered from the rows as they stand at the end. */
export function renderHistory(
  at: EngineRun,
  format: EventFormat = "cloudevents",
  run = at.run,
): OutgoingEvent[] {
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
  return at.history.flatMap(({ seq, moves }) =>
    moves.flatMap((move, place) => {
      const told = { move, seq, place, recordedAt: RECORDED, runState: run.state, source };
      return renderMove(format, told) ?? [];
    }),
  );
}

/** The body's bytes as they go onto the bus. */
export function bytesOfBody({ body }: OutgoingEvent): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body;
}
