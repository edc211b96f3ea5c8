/**
 * What must be true of the counters of a world that came to rest: each run counts once, whatever died or came twice.
 * Boundary: reads runs and their histories; nothing of what counts in the service is used.
 */
import { type HistoryRow, unpackRow } from "../../../src/store/packed-moves.ts";
import { ALL_DAYS, COUNTER_KINDS } from "../../../src/store/run-counts.ts";
import type { RunRow } from "./model/rows.ts";
import type { World } from "./world.ts";

const DAY_MS = 86_400_000;

/** Adds what is broken to the world's faults. */
export function judgeCounters(world: World): void {
  const { runs, counters } = world.server.tables;
  const expected = new Map<string, number>();
  for (const run of runs.committed.values()) {
    addTo(expected, [run.definitionId, "started", dayOf(run.createdAt), ""]);
    if (run.completedAt === null) continue;
    addTo(expected, [run.definitionId, "ended", dayOf(run.completedAt), outcomeOf(world, run)]);
  }
  const counted = new Map<string, number>();
  for (const { definitionId, kind, day, name, runs: number } of counters.committed.values()) {
    const word = WORDS.get(kind);
    if (word === undefined || day === ALL_DAYS) continue;
    addTo(counted, [definitionId, word, day, name], number);
  }
  for (const key of new Set([...expected.keys(), ...counted.keys()])) {
    const [is, should] = [counted.get(key) ?? 0, expected.get(key) ?? 0];
    if (is !== should) world.broken(`the counter ${key} is ${is} for ${should} runs`);
  }
}

const WORDS = new Map<number, string>([
  [COUNTER_KINDS.started, "started"],
  [COUNTER_KINDS.ended, "ended"],
]);

function addTo(sums: Map<string, number>, parts: readonly unknown[], number = 1): void {
  const key = parts.join(" ");
  sums.set(key, (sums.get(key) ?? 0) + number);
}

function dayOf(at: Date): number {
  return Math.floor(at.getTime() / DAY_MS);
}

function outcomeOf(world: World, run: RunRow): string {
  if (run.state === "COMPLETED") return "SUCCEEDED";
  if (run.state === "CANCELLED") return "CANCELLED";
  const moves = historyOf(world, run).flatMap((row) => row.moves);
  const end = moves.findLast((move) => move.of === "run" && move.from !== move.to);
  if (end?.of !== "run") return "no end";
  if (end.from === "COMPENSATING") {
    return end.op === "compensated" ? "COMPENSATED" : "COMPENSATION_FAILED";
  }
  return end.reason === "deadline" ? "TIMED_OUT" : "FAILED";
}

function historyOf(world: World, { id }: RunRow): HistoryRow[] {
  return [...world.server.tables.moves.committed.values()]
    .filter(({ runId }) => runId === id)
    .sort((a, b) => a.seq - b.seq)
    .map((row) => unpackRow(id, row));
}
