/**
 * Makes the timed faults of a plan happen.
 * Boundary: each ends by itself, with everything as it was before.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "nats";
import type { Trouble } from "../../../../src/sandbox/trouble.ts";
import { FREEZE_MS } from "../short-settings.ts";
import type { Replica } from "../world/replica.ts";
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
  "collaborator resets in answers": "reset_in_body",
  "collaborator hangs": "hang",
  "collaborator dies": "die",
  "collaborator slow": { delayMs: 2_000 },
};
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
    case "nats gone":
    case "nats freeze":
    case "nats stream lost":
    case "nats older stream":
    case "nats consumers deleted":
      return inTurn(() => breakNats(world, fault));
    case "collaborator fails half":
    case "collaborator flaps":
      return flap(world, fault);
    default:
      return trouble(world, fault, TROUBLES[fault.kind] ?? "die");
  }
}

/** An outage, shrunk as the leases are. */
const OUTAGE_MS = 20_000;

async function breakNats({ servers, sandbox }: World, { kind, forMs }: TimedFault): Promise<void> {
  switch (kind) {
    case "nats stream lost":
      return servers.loseStream("WORKFLOWS");
    case "nats older stream":
      return servers.restoreStream("WORKFLOWS", forMs);
    case "nats consumers deleted":
      return deleteConsumers(sandbox.bus.connection);
    case "nats freeze":
      servers.freezeNats();
      await delay(forMs);
      servers.thawNats();
      return;
    default:
      await servers.killNats();
      await delay(kind === "nats gone" ? OUTAGE_MS : forMs);
      await servers.startNats();
  }
}

const STREAMS = ["OBJECTIVES", "APPROVALS", "AGENTS", "SIPHON"];

const TRIES = 20;
const PAUSE_MS = 200;

/** Again while the server is only just back. */
async function deleteConsumers(connection: NatsConnection): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      const manager = await connection.jetstreamManager();
      for (const stream of STREAMS) {
        for await (const { name } of manager.consumers.list(stream)) {
          await manager.consumers.delete(stream, name);
        }
      }
      return;
    } catch (error) {
      if (tries >= TRIES) throw error;
      await delay(PAUSE_MS);
    }
  }
}

async function freeze(replica: Replica | undefined): Promise<void> {
  if (replica === undefined) return;
  await replica.ready();
  replica.freeze();
  await delay(FREEZE_MS);
  replica.thaw();
}

const FLAP_MS = 300;

/** Away and there in turns, or every second call. */
async function flap({ sandbox }: World, fault: TimedFault): Promise<void> {
  const service = SERVICES[fault.atMs % SERVICES.length] ?? "";
  const until = performance.now() + fault.forMs;
  const onlyOne = fault.kind === "collaborator fails half";
  while (performance.now() < until) {
    sandbox.troubles.begin(service, { status: 500 }, onlyOne ? 1 : undefined);
    await delay(onlyOne ? FLAP_MS / 10 : FLAP_MS);
    sandbox.troubles.end(service);
    if (!onlyOne) await delay(FLAP_MS);
  }
}

async function trouble({ sandbox }: World, fault: TimedFault, kind: Trouble): Promise<void> {
  const service = SERVICES[fault.atMs % SERVICES.length] ?? "";
  sandbox.troubles.begin(service, kind);
  await delay(fault.forMs);
  sandbox.troubles.end(service);
}
