/**
 * Makes the timed faults of a plan happen.
 * Boundary: each ends by itself, with everything as it was before.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Trouble } from "../../../../src/sandbox/trouble.ts";
import { FREEZE_MS } from "../short-settings.ts";
import type { Replica } from "../world/replica.ts";
import type { Servers } from "../world/servers.ts";
import type { World } from "../world/world.ts";
import type { TimedFault, TimedKind } from "./plan.ts";

/** Waits for the fault's time, and until it is over. */
export async function inject(world: World, fault: TimedFault, inTurn: InTurn): Promise<void> {
  await delay(fault.atMs);
  await happen(world, fault, inTurn);
}

/** The servers restart one after the other: a server that is away cannot be killed. */
export type InTurn = (work: () => Promise<void>) => Promise<void>;

/** One queue of work. */
export function oneByOne(): InTurn {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}

const TROUBLES: Partial<Record<TimedKind, Trouble>> = {
  "collaborator away": { status: 503 },
  "collaborator loses answers": "lose_answer",
  "collaborator hangs": "hang",
};
const SLOW_MS = 2_000;
/** All of one service; calls are made to several. */
const SERVICES = ["objectives.", "agents.", "approvals.", "notifications.", "governance."];

async function happen(world: World, fault: TimedFault, inTurn: InTurn): Promise<void> {
  const { servers, replicas } = world;
  const replica = replicas[fault.replica];
  switch (fault.kind) {
    case "kill":
      return replica?.kill();
    case "freeze":
      return freeze(replica);
    case "graceful stop":
      return replica?.end();
    case "postgres restart":
      return inTurn(servers.restartPostgres);
    case "postgres restart twice":
      return inTurn(async () => {
        await servers.restartPostgres();
        await servers.restartPostgres();
      });
    case "nats kill":
    case "nats freeze":
    case "nats stream lost":
      return inTurn(() => breakNats(servers, fault));
    case "collaborator slow":
      return trouble(world, fault, { delayMs: SLOW_MS });
    default:
      return trouble(world, fault, TROUBLES[fault.kind] ?? "die");
  }
}

async function breakNats(servers: Servers, { kind, forMs }: TimedFault): Promise<void> {
  if (kind === "nats stream lost") return servers.restoreStream("WORKFLOWS");
  if (kind === "nats kill") {
    await servers.killNats();
    await delay(forMs);
    await servers.startNats();
    return;
  }
  servers.freezeNats();
  await delay(forMs);
  servers.thawNats();
}

async function freeze(replica: Replica | undefined): Promise<void> {
  if (replica === undefined) return;
  await replica.ready();
  replica.freeze();
  await delay(FREEZE_MS);
  replica.thaw();
}

async function trouble({ sandbox }: World, fault: TimedFault, kind: Trouble): Promise<void> {
  const service = SERVICES[fault.atMs % SERVICES.length] ?? "";
  sandbox.troubles.begin(service, kind);
  await delay(fault.forMs);
  sandbox.troubles.end(service);
}
