/**
 * Everything that the service consumes from the bus: a pull loop for each configured source.
 *
 * Boundary: starts and stops; the connection belongs to main, which also closes it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "nats";
import type { Log } from "../../process/log.ts";
import { ReportsInHand } from "../../runtime/routing/reports-in-hand.ts";
import type { RouteDeps } from "../../runtime/routing/route-event.ts";
import { SharedReports } from "../../runtime/routing/shared-reports.ts";
import type { StreamLimits } from "../../runtime/stream-limits.ts";
import { emptyMemory } from "./durable-consumer.ts";
import { handleBatch } from "./handle-batch.ts";
import { type PullLoop, startPullLoop } from "./pull-loop.ts";
import { openReplicaMessages, type ReplicaMessagesDeps } from "./replica-messages.ts";
import { type BusSource, type ConsumerPlan, planConsumers, subjectsOf } from "./sources.ts";
import { createTenantlessNotice } from "./tenantless.ts";

/** What startBusConsumers needs. */
export interface BusConsumersDeps extends RouteDeps {
  readonly connection: NatsConnection;
  readonly sources: readonly BusSource[];
  /** Makes source streams that are missing; never `ownStream`, which the publisher makes. */
  readonly createStreams: boolean;
  /** Limits of the streams that are made. */
  readonly limits: StreamLimits;
  /** The stream of the service's own events (BUS_STREAM). */
  readonly ownStream: string;
  /** This replica and the others, which take reports about their calls from each other; unset: it is alone. */
  readonly replicas?: Pick<ReplicaMessagesDeps, "replicaId" | "others">;
  /** The service's start by the database's clock: a consumer that has to be made begins there. */
  readonly startedAt: Date;
}

/** The consumers at work. */
export interface BusConsumers {
  /** `down` while not connected, or while a source whose stream exists cannot be read. */
  busState(): "ok" | "down";
  /** Which sources cannot be read, in words; undefined: none. */
  trouble(): string | undefined;
  /** Takes nothing new and finishes the batches in hand, for at most ten seconds. */
  stop(): Promise<void>;
}

const STOP_AT_MOST_MS = 10_000;
/** Starts listening. Sources that are not there yet are waited for beside the others. */
export function startBusConsumers(deps: BusConsumersDeps): BusConsumers {
  const { connection, sources } = deps;
  const plans = planConsumers(sources);
  const { sharedReports, stopSharing } = startSharing(deps);
  const loops = plans.map((plan) => startLoop({ ...deps, sharedReports }, plan));
  let connected = !connection.isClosed();
  void watch(connection, (value) => {
    connected = value;
  });
  return {
    busState() {
      return connected && !connection.isClosed() && loops.every(isWell) ? "ok" : "down";
    },
    trouble() {
      if (!connected || connection.isClosed()) return "the connection was lost";
      const failing = plans.filter((_, at) => !isWell(loops[at]));
      if (failing.length === 0) return undefined;
      return `no events from ${failing.map(({ durable }) => durable).join(", ")}`;
    },
    stop() {
      stopSharing();
      return stopInTime(loops, deps.log);
    },
  };
}

/** Takes reports about calls of this replica from the others, and offers them theirs. */
function startSharing({ replicas, ...deps }: BusConsumersDeps) {
  if (replicas === undefined) return { sharedReports: undefined, stopSharing: () => {} };
  const messages = openReplicaMessages({ ...deps, ...replicas });
  const sharedReports = new SharedReports({ ...deps, others: messages });
  messages.listen((text) => sharedReports.answer(text));
  return { sharedReports, stopSharing: () => messages.stop() };
}

/** Stops the loops; what they have in hand after 10 s is left to come again. */
export async function stopInTime(
  loops: readonly Pick<PullLoop, "stop">[],
  log: Log,
): Promise<void> {
  const stopped = Promise.all(loops.map((loop) => loop.stop()));
  const late = sleep(STOP_AT_MOST_MS, "late" as const, { ref: false });
  if ((await Promise.race([stopped, late])) === "late") {
    log.warn("messages in hand were not finished in time; they come again");
  }
}

function startLoop(deps: BusConsumersDeps, plan: ConsumerPlan): PullLoop {
  const { createStreams, ownStream, sources, startedAt, replicas: _, ...rest } = deps;
  const mayMake = createStreams && plan.stream !== ownStream;
  const { stream, queue } = plan;
  const batchDeps = {
    ...rest,
    stream,
    noteTenantless: createTenantlessNotice(rest.log, stream),
    ...(queue === undefined ? {} : { queue }),
  };
  const reports = new ReportsInHand();
  return startPullLoop({
    ...rest,
    plan,
    handle: (batch, next) => handleBatch(batchDeps, batch, { reports, next }),
    memory: emptyMemory(startedAt),
    ...(mayMake ? { makeStreamWith: subjectsOf(sources, plan.stream) } : {}),
  });
}

function isWell(loop: PullLoop | undefined): boolean {
  switch (loop?.state()) {
    case "pulling":
    case "waiting":
      return true;
    case "starting":
    case "failing":
    case undefined:
      return false;
  }
}

async function watch(
  connection: NatsConnection,
  tell: (connected: boolean) => void,
): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === "disconnect") tell(false);
    if (type === "reconnect") tell(true);
  }
}
