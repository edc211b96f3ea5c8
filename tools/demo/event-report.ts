/**
 * Where each event and call of the story went: what the service published, what it consumed, whom
 * it called.
 *
 * Boundary: asks JetStream and the sandbox's ledgers; changes nothing.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ConsumerInfo, JetStreamManager, NatsConnection } from "nats";
import type { Ledgers } from "../../src/sandbox/stage.ts";
import { LIFECYCLE_STREAM } from "./lifecycle.ts";

const SETTLE_TIMEOUT_MS = 3_000;
const SETTLE_INTERVAL_MS = 50;
const CONSUMER_PREFIX = "workflows-";
const DEAD_LETTER_STREAM = "WORKFLOWS_DLQ";

interface Source {
  readonly stream: string;
  readonly subjects: ReadonlyMap<string, number>;
  readonly consumers: readonly ConsumerInfo[];
}

/** The report, a line each. Waits until the service's consumers are idle, 3 s at most. */
export async function reportEvents(
  connection: NatsConnection,
  ledgers: Readonly<Ledgers>,
): Promise<string[]> {
  const manager = await connection.jetstreamManager();
  const sources = await readSettled(manager);
  const own = sources.find(({ stream }) => stream === LIFECYCLE_STREAM);
  const deadLetters = sources.find(({ stream }) => stream === DEAD_LETTER_STREAM);
  return [
    `Published by the service on stream ${LIFECYCLE_STREAM}`,
    ...listSubjects(own?.subjects ?? new Map()),
    "Consumed by the service",
    ...sources.flatMap(({ stream, subjects, consumers }) => [
      ...consumers.map((consumer) => `  ${describeConsumer(stream, consumer)}`),
      ...(consumers.length === 0 || stream === LIFECYCLE_STREAM
        ? []
        : listSubjects(subjects).map((line) => `  ${line}`)),
    ]),
    `Dead letters: ${sum(deadLetters?.subjects ?? new Map())}`,
    "Made by collaborators for the service (a repeat with the same idempotency key makes nothing)",
    ...listMade(ledgers),
  ];
}

async function readSettled(manager: JetStreamManager): Promise<Source[]> {
  const giveUpAt = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const sources = await readSources(manager);
    const isIdle = sources
      .flatMap(({ consumers }) => consumers)
      .every(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending === 0);
    if (isIdle || Date.now() > giveUpAt) return sources;
    await delay(SETTLE_INTERVAL_MS);
  }
}

async function readSources(manager: JetStreamManager): Promise<Source[]> {
  const sources: Source[] = [];
  for await (const { config } of manager.streams.list()) {
    const { state } = await manager.streams.info(config.name, { subjects_filter: ">" });
    const consumers: ConsumerInfo[] = [];
    for await (const consumer of manager.consumers.list(config.name)) {
      if (consumer.name.startsWith(CONSUMER_PREFIX)) consumers.push(consumer);
    }
    const subjects = new Map(Object.entries(state.subjects ?? {}));
    sources.push({ stream: config.name, subjects, consumers });
  }
  return sources;
}

function describeConsumer(stream: string, consumer: ConsumerInfo): string {
  const filter = consumer.config.filter_subject ?? "all subjects";
  const open = consumer.num_pending + consumer.num_ack_pending;
  const rest = open === 0 ? "all acknowledged" : `${open} not acknowledged yet`;
  const count = String(consumer.delivered.consumer_seq).padStart(4);
  return `${count}  ${filter} (${stream}, consumer ${consumer.name}, ${rest})`;
}

function listSubjects(subjects: ReadonlyMap<string, number>): string[] {
  return [...subjects]
    .sort(([left], [right]) => left.localeCompare(right))
    .map(([subject, count]) => `  ${String(count).padStart(4)}  ${subject}`);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function listMade(ledgers: Readonly<Ledgers>): string[] {
  const made: readonly (readonly [string, number])[] = [
    ["objectives: Create", ledgers.objectives.length],
    ["objectives: Cancel", ledgers.cancellations.length],
    ["agents: Delegate", ledgers.delegations.length],
    ["governance: EvaluateAction", ledgers.evaluations.length],
    ["approvals: RequestApproval", ledgers.approvals.length],
    ["notifications: Send", ledgers.notifications.length],
  ];
  return made
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `  ${String(count).padStart(4)}  ${name}`);
}
