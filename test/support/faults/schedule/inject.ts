/**
 * Makes the timed faults of a plan happen, and tells which of them met something.
 * Boundary: each ends by itself, with everything as it was before.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "nats";
import type { Trouble } from "../../../../src/sandbox/trouble.ts";
import { FREEZE_MS } from "../short-settings.ts";
import type { Replica } from "../world/replica.ts";
import type { World } from "../world/world.ts";
import { SERVICES, type TimedFault, type TimedKind } from "./plan.ts";

/** Waits for the fault's time, and until it is over. The number of things that it hit: 0, it did not happen. */
export async function inject(world: World, fault: TimedFault, inTurn: InTurn): Promise<number> {
  await delay(fault.atMs);
  return Number(await happen(world, fault, inTurn));
}

/** How many things a fault hit, or whether it hit the one that it is about. */
type Hits = number | boolean;

/** The servers restart one after the other: a server that is away cannot be killed. */
export type InTurn = (work: () => Promise<Hits>) => Promise<Hits>;

/** One queue of work. */
export function oneByOne(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
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

async function happen(world: World, fault: TimedFault, inTurn: InTurn): Promise<Hits> {
  const { servers, replicas } = world;
  const replica = replicas[fault.replica];
  switch (fault.kind) {
    case "kill":
      return replica?.kill() ?? false;
    case "freeze":
      return freeze(replica);
    case "graceful stop":
      return replica?.end() ?? false;
    case "postgres restart":
      return inTurn(async () => {
        await servers.restartPostgres();
        return true;
      });
    case "postgres restart twice":
      return inTurn(async () => {
        await servers.restartPostgres();
        await servers.restartPostgres();
        return true;
      });
    case "nats kill":
    case "nats gone":
    case "nats freeze":
    case "nats stream lost":
    case "nats older stream":
    case "nats consumers deleted":
    case "nats task stream lost":
      return inTurn(() => breakNats(world, fault));
    case "worker kill":
      return world.workers.kill(fault.replica);
    case "worker freeze":
      return freezeWorker(world, fault.replica);
    case "collaborator fails half":
    case "collaborator flaps":
      return flap(world, fault);
    default:
      return trouble(world, fault, TROUBLES[fault.kind] ?? "die");
  }
}

/** An outage, shrunk as the leases are. */
const OUTAGE_MS = 20_000;

async function breakNats({ servers, sandbox }: World, { kind, forMs }: TimedFault): Promise<Hits> {
  switch (kind) {
    case "nats stream lost":
      return servers.loseStream("WORKFLOWS");
    case "nats older stream":
      return servers.restoreStream("WORKFLOWS", forMs);
    case "nats task stream lost":
      return servers.loseStream("WORKFLOWS_TASKS");
    case "nats consumers deleted":
      return deleteConsumers(sandbox.bus.connection);
    case "nats freeze":
      servers.freezeNats();
      await delay(forMs);
      servers.thawNats();
      return true;
    default:
      await servers.killNats();
      await delay(kind === "nats gone" ? OUTAGE_MS : forMs);
      await servers.startNats();
      return true;
  }
}

const STREAMS = ["OBJECTIVES", "APPROVALS", "AGENTS", "SIPHON"];

const TRIES = 20;
const PAUSE_MS = 200;

/** Again while the server is only just back. How many there were. */
async function deleteConsumers(connection: NatsConnection): Promise<number> {
  let deleted = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      const manager = await connection.jetstreamManager();
      for (const stream of STREAMS) {
        for await (const { name } of manager.consumers.list(stream)) {
          await manager.consumers.delete(stream, name);
          deleted += 1;
        }
      }
      return deleted;
    } catch (error) {
      if (tries >= TRIES) throw error;
      await delay(PAUSE_MS);
    }
  }
}

async function freeze(replica: Replica | undefined): Promise<boolean> {
  if (replica === undefined) return false;
  await replica.ready();
  const isFrozen = replica.freeze();
  await delay(FREEZE_MS);
  replica.thaw();
  return isFrozen;
}

/** Another worker has its tasks when it wakes. */
async function freezeWorker({ workers }: World, index: number): Promise<boolean> {
  const isFrozen = workers.freeze(index);
  await delay(FREEZE_MS);
  workers.thaw(index);
  return isFrozen;
}

const FLAP_MS = 300;

/** Away and there in turns, or every second call. How many calls met it. */
async function flap({ sandbox, countMet }: World, fault: TimedFault): Promise<number> {
  const service = serviceOf(fault);
  const before = countMet(service);
  const began = performance.now();
  const onlyOne = fault.kind === "collaborator fails half";
  while (isOn(fault, performance.now() - began, countMet(service) - before)) {
    sandbox.troubles.begin(service, { status: 500 }, onlyOne ? 1 : undefined);
    await delay(onlyOne ? FLAP_MS / 10 : FLAP_MS);
    sandbox.troubles.end(service);
    if (!onlyOne) await delay(FLAP_MS);
  }
  return countMet(service) - before;
}

/** How many calls met it. */
async function trouble(
  { sandbox, countMet }: World,
  fault: TimedFault,
  kind: Trouble,
): Promise<number> {
  const service = serviceOf(fault);
  const before = countMet(service);
  const began = performance.now();
  sandbox.troubles.begin(service, kind);
  await delay(fault.forMs);
  while (isOn(fault, performance.now() - began, countMet(service) - before)) await delay(PAUSE_MS);
  sandbox.troubles.end(service);
  return countMet(service) - before;
}

const AIMED_WITHIN_MS = 20_000;

/** One that is aimed at a service goes on until a call meets it: on a slow machine the calls come late. */
function isOn({ forMs, service }: TimedFault, sinceMs: number, met: number): boolean {
  return sinceMs < forMs || (service !== undefined && met === 0 && sinceMs < AIMED_WITHIN_MS);
}

/** As a path of its calls begins. */
function serviceOf({ atMs, service = SERVICES[atMs % SERVICES.length] }: TimedFault): string {
  return `${service}.`;
}
