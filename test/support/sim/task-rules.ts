/**
 * What must be true of the tasks of workers: a result that is acknowledged has counted, or never will, and one that is late is noted
 * once.
 * Boundary: reads the model's tables. Which attempt a result counts for is judged by fence-rules.ts.
 */
import { type TaskPlace, taskIdOf } from "../../../src/engine/values/task.ts";
import { unpackRow } from "../../../src/store/packed-moves.ts";
import { type StepRow, stepKey } from "./model/rows.ts";
import { PUBLISHED } from "./versions.ts";
import type { World } from "./world.ts";

/** See the file's head. */
export class TaskRules {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Judges a result that a replica acknowledges: no open attempt waits for it. */
  judgeAcknowledged(place: TaskPlace): void {
    const step = this.#stepOf(place);
    if (step === undefined) return;
    const isOwn = step.retryCount + 1 === place.attempt;
    if (step.retryCount + 1 > place.attempt) {
      this.#world.witness.count("result of a superseded attempt");
    }
    if (isOwn && step.completedAt === null && step.detail?.task !== undefined) {
      this.#world.broken(`the result of ${taskIdOf(place)} is acknowledged, and its step waits`);
    }
  }

  /** Judges a world that came to rest: a result that came late is noted once. */
  judge(): void {
    const { witness, server } = this.#world;
    const noted = new Set<string>();
    for (const row of server.tables.moves.committed.values()) {
      const { cause, moves } = unpackRow(row.runId, row);
      const isNote = moves.some((move) => move.of === "step" && move.note === "ignored");
      if (!isNote || cause.kind !== "event" || !/^wfr_\w+\/[\w-]+\/\d+$/.test(cause.id)) continue;
      witness.count("late result noted");
      if (noted.has(cause.id)) this.#world.broken(`the late result of ${cause.id} is noted twice`);
      noted.add(cause.id);
    }
  }

  #stepOf({ runId, stepId }: TaskPlace): StepRow | undefined {
    const { runs, steps } = this.#world.server.tables;
    const versionId = runs.committed.get(runId)?.versionId;
    const version = [...PUBLISHED.values()].find((each) => each.versionId === versionId);
    const stepIndex = version?.graph.indexById.get(stepId);
    if (stepIndex === undefined) return undefined;
    return steps.committed.get(stepKey({ runId, stepIndex }));
  }
}
