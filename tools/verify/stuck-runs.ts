/**
 * Runs that have not moved for a while although nothing rightly holds them, with all that is known of them.
 * Boundary: reads; a run that waits for another service, an event, a timer, a person or a child run is not stuck.
 */
import { holdersOf, openStepsWithout } from "./holders.ts";
import { type RunPicture, readRuns } from "./run-picture.ts";
import { openSnapshot } from "./snapshot.ts";

/** A run that is stuck. */
export interface StuckRun {
  readonly runId: string;
  readonly state: string;
  readonly idleSeconds: number;
  /** Its last moves, open steps, what else holds it, and its calls with their leases. */
  readonly lines: readonly string[];
}

const MOVING = ["PENDING", "RUNNING", "COMPENSATING"];
const ROWS_SHOWN = 10;
const RUNS_AT_MOST = 1_000;

/** Finds runs that have not moved for so many seconds. */
export async function findStuckRuns(
  databaseUrl: string,
  stuckAfterSeconds: number,
): Promise<StuckRun[]> {
  const snapshot = await openSnapshot(databaseUrl);
  try {
    const rules = { now: snapshot.now, heldOpen: undefined };
    const stuck: StuckRun[] = [];
    for await (const picture of readRuns(snapshot, MOVING)) {
      const { run, history } = picture;
      const lastMs = (history.at(-1)?.recordedAt ?? run.created_at).getTime();
      const idleSeconds = Math.floor((snapshot.now.getTime() - lastMs) / 1_000);
      if (idleSeconds < stuckAfterSeconds) continue;
      const holders = holdersOf(picture, rules);
      const idle = openStepsWithout(picture, rules);
      if (holders.length > 0 && idle.length === 0) continue;
      const lines = describe(picture, idle, holders);
      stuck.push({ runId: run.id, state: run.state, idleSeconds, lines });
      if (stuck.length === RUNS_AT_MOST) break;
    }
    return stuck;
  } finally {
    await snapshot.close();
  }
}

function describe(
  { history, calls, words }: RunPicture,
  idle: readonly number[],
  holders: readonly string[],
): string[] {
  return [
    ...history.slice(-ROWS_SHOWN).map(({ seq, recordedAt, cause, moves }) => {
      const texts = moves.map((move) => {
        const what = move.of === "run" ? "run" : (words[move.step]?.id ?? `step ${move.step}`);
        return `${what} ${move.from}→${move.to}`;
      });
      return `row ${seq} ${recordedAt.toISOString()} ${cause.kind} ${cause.id}: ${texts.join(", ")}`;
    }),
    ...idle.map((index) => `step ${words[index]?.id ?? index} is open and waits for nothing`),
    ...holders.map((holder) => `waits for ${holder}`),
    ...calls.map(
      ({ id, holder, lease_until: until }) =>
        `call ${id}, leased by ${holder === "" ? "nobody" : holder} until ${until.toISOString()}`,
    ),
  ];
}
