/**
 * Whether an accepted write could be made durable, and which part does not work: what /readyz and the health service
 * report.
 * Boundary: asks the database, and takes the bus's own word; migrations are applied before anything listens.
 * Invariant: only the database makes it `down`; what the bus lacks is `degraded`, for events wait in the outbox.
 */
import { type Condition, createCondition } from "../../process/condition.ts";
import type { Log } from "../../process/log.ts";
import { PARTITIONS } from "../../runtime/partition.ts";
import type { Database } from "../../store/database.ts";
import { connectTrouble } from "../../store/pg-errors.ts";
import { type DatabaseState, readDatabaseState } from "../../store/service-reads/database-state.ts";
import type { Readiness } from "./doors.ts";

/** What the answer is made of. */
export interface ReadinessDeps {
  readonly database: Database;
  /** What is wrong with the bus, by part (`bus`, `stream`), in words. */
  busTroubles(): Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/** `outbox` is degraded once an event has waited for longer. */
const OUTBOX_LAG_MS = 15_000;
const READ_ONLY = "Postgres takes no writes (a standby, or default_transaction_read_only)";

/** Makes the probe; it logs one line when a part stops working and one when it works again. */
export function createReadiness(deps: ReadinessDeps): () => Promise<Readiness> {
  const { database, log } = deps;
  const conditions = new Map<string, Condition>();
  const tell = (part: string, trouble: string | undefined, key?: string) => {
    const condition = conditions.get(part) ?? createCondition(part, log);
    conditions.set(part, condition);
    condition.be(trouble, key);
  };
  return async () => {
    const bus = deps.busTroubles();
    try {
      const state = await readDatabaseState(database.read, PARTITIONS);
      tell("database", state.readOnly ? READ_ONLY : undefined);
      tell("outbox", lagOf(state), state.waitingMs > OUTBOX_LAG_MS ? "lag" : undefined);
      return readinessOf(state, bus);
    } catch (error) {
      const trouble = connectTrouble(error) ?? `Postgres does not answer: ${messageOf(error)}`;
      tell("database", trouble, "away");
      const unknown = { outbox: "unknown", migrations: "unknown" };
      const parts = { database: `down: ${trouble}`, ...wordsOf(bus), ...unknown };
      return { status: "down", parts };
    }
  };
}

function readinessOf(
  state: DatabaseState,
  bus: ReturnType<ReadinessDeps["busTroubles"]>,
): Readiness {
  const troubles = { ...bus, outbox: lagOf(state) };
  const calm = Object.values(troubles).every((trouble) => trouble === undefined);
  return {
    status: state.readOnly ? "down" : calm ? "ok" : "degraded",
    parts: {
      database: state.readOnly ? `down: ${READ_ONLY}` : "ok",
      ...wordsOf(troubles),
      migrations: "ok",
    },
  };
}

function wordsOf(troubles: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(troubles).map(([part, trouble]) => [
      part,
      trouble === undefined ? "ok" : `down: ${trouble}`,
    ]),
  );
}

function lagOf({ waitingMs }: DatabaseState): string | undefined {
  if (waitingMs <= OUTBOX_LAG_MS) return undefined;
  return `not draining: the oldest event has waited for ${Math.round(waitingMs / 1000)} s`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
