/**
 * Whether an accepted write could be made durable: what /readyz and the health service tell.
 * Boundary: asks the database and the bus's own word; migrations are applied before anything listens.
 */
import type { Log } from "../../runtime/log.ts";
import type { Database, Statement } from "../../store/database.ts";
import type { Readiness } from "./doors.ts";

/** What the answer is made of. */
export interface ReadinessDeps {
  readonly database: Database;
  busState(): "ok" | "down";
  readonly log: Log;
}

const PING: Statement = { name: "ping", text: "select 1" };

/** `down` without the database, `degraded` without the bus: work is accepted and events wait in the outbox. */
export async function probeReadiness(deps: ReadinessDeps): Promise<Readiness> {
  const bus = deps.busState();
  try {
    await deps.database.read.query(PING, []);
  } catch (error) {
    deps.log.warn("the database does not answer", { error });
    return { status: "down", parts: { database: "down", bus, migrations: "unknown" } };
  }
  const status = bus === "ok" ? "ok" : "degraded";
  return { status, parts: { database: "ok", bus, migrations: "ok" } };
}
