/**
 * The floor of a worker step: the least that a durable step of another process does in Node. Tasks go out by JetStream, many
 * in a message, and results come back so. A batch of results is a commit of one statement and two rows a step. Two events a
 * step go out with acknowledgements, as those of the service do.
 * Boundary: no engine, no checks, no recovery. What is left is the price of the parts; it is no way to build a service.
 */
import { AckPolicy, type JsMsg, type NatsConnection } from "nats";
import pg from "pg";
import { startCommandProcess } from "../parts/commands.ts";
import type { Engine, EngineStart } from "./engine.ts";
import { createPublisher } from "./floor.ts";
import { startPlatform } from "./surroundings.ts";
import { ACTION, FLOOR_RESULTS, FLOOR_TASKS, LINE_STEPS, NOTE } from "./words.ts";

const MESSAGES_HELD = 500;
const ACKS_PENDING = 20_000;
const TASKS_A_MESSAGE = 64;
const ACKS = "_INBOX.tasks";
const TABLES = `
  create table runs (id text primary key, seq int not null, updated_at timestamptz not null default now())
    with (fillfactor = 80);
  create table steps (run_id text, step_index smallint, output jsonb, primary key (run_id, step_index))`;
const SAVE = `
  with made as (insert into runs (id, seq) select id, 0 from unnest($1::text[]) as id),
    moved as (update runs set seq = v.seq, updated_at = now()
      from unnest($2::text[], $3::int[]) as v (id, seq) where runs.id = v.id)
  insert into steps (run_id, step_index, output)
    select id, seq - 1, output from unnest($2::text[], $3::int[], $4::jsonb[]) as v (id, seq, output)`;

interface Run {
  readonly id: string;
  readonly key: string;
  /** Steps that have ended. */
  seq: number;
  ended(): void;
}

interface Change {
  readonly run: Run;
  /** Of the step that ended; undefined where the run begins. */
  readonly output?: string;
  readonly done?: () => void;
}

/** What the worker gives. */
interface Results {
  readonly results: readonly { readonly run_id: string; readonly output: unknown }[];
}

/** Starts the parts. */
export async function startWorkerFloor({ guard, databaseUrl }: EngineStart): Promise<Engine> {
  const platform = await startPlatform(guard);
  const consumer = await makeStreams(platform.bus);
  const args = ["--import", "tsx", "bench/parts/floor-worker.ts", platform.natsUrl];
  const worker = startCommandProcess({ guard, name: "floor-worker", args });
  await worker.ask("ready");
  const store = await openStore(databaseUrl, apply);
  const publish = createPublisher(platform.bus);
  const send = createSender(platform.bus);
  const runs = new Map<string, Run>();
  let started = 0;
  const messages = await consumer.consume({ max_messages: MESSAGES_HELD });
  const consuming = (async () => {
    for await (const message of messages) take(message);
  })();

  function take(message: JsMsg): void {
    const { results } = message.json<Results>();
    let open = results.length;
    const done = () => {
      open -= 1;
      if (open === 0) message.ack();
    };
    for (const { run_id: runId, output } of results) {
      const run = runs.get(runId);
      if (run === undefined) continue;
      run.seq += 1;
      store.submit({ run, output: JSON.stringify(output), done });
    }
  }

  /** After the commit. */
  function apply(batch: readonly Change[]): void {
    const next: Run[] = [];
    for (const { run, output, done } of batch) {
      done?.();
      if (output !== undefined) publish("step.completed", run.id, 2 * run.seq, run.seq - 1);
      if (run.seq < LINE_STEPS) {
        publish("step.started", run.id, 2 * run.seq + 1, run.seq);
        next.push(run);
      } else {
        runs.delete(run.id);
        run.ended();
      }
    }
    send(next);
  }

  return {
    hostIs: "service",
    processes: () => [
      ...platform.processes,
      { name: "worker", pid: worker.pid, withChildren: false },
    ],
    run(kind, key) {
      if (kind !== "worker-line") return Promise.reject(new Error("this floor runs lines only"));
      started += 1;
      const id = `wfr_${String(started).padStart(22, "0")}`;
      return new Promise((ended) => {
        const run = { id, key, seq: 0, ended };
        runs.set(id, run);
        store.submit({ run });
      });
    },
    async close() {
      messages.stop();
      await consuming;
      await worker.kill();
      await store.close();
      await platform.stop();
    },
  };
}

async function makeStreams(bus: NatsConnection) {
  const manager = await bus.jetstreamManager();
  await manager.streams.add({ name: "WORKFLOWS", subjects: ["workflows.changes.>"] });
  for (const name of [FLOOR_TASKS, FLOOR_RESULTS]) {
    await manager.streams.add({ name, subjects: [name] });
    await manager.consumers.add(name, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: ACKS_PENDING,
    });
  }
  return bus.jetstream().consumers.get(FLOOR_RESULTS, FLOOR_RESULTS);
}

/** Sends the next task of each run, with one inbox for all acknowledgements. */
function createSender(bus: NatsConnection) {
  bus.subscribe(`${ACKS}.>`, { callback() {} });
  let sent = 0;
  return (runs: readonly Run[]) => {
    for (let first = 0; first < runs.length; first += TASKS_A_MESSAGE) {
      const tasks = runs.slice(first, first + TASKS_A_MESSAGE).map(taskOf);
      sent += 1;
      bus.publish(FLOOR_TASKS, JSON.stringify({ tasks }), { reply: `${ACKS}.${sent}` });
    }
  };
}

function taskOf({ id, key, seq }: Run) {
  return {
    id: `${id}/s${seq}/1`,
    run_id: id,
    step_id: `s${seq}`,
    attempt: 1,
    idempotency_key: `${id}/s${seq}`,
    action_type: ACTION,
    input: { id: key, note: NOTE },
    queued_at: new Date().toISOString(),
  };
}

/** Many changes in one commit; the next batch gathers while a commit is in flight. */
async function openStore(url: string, committed: (batch: readonly Change[]) => void) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(TABLES);
  let queue: Change[] = [];
  let flushing: Promise<void> | undefined;
  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      await client.query({ name: "save", text: SAVE, values: valuesOf(batch) });
      committed(batch);
    }
    flushing = undefined;
  }
  return {
    submit(change: Change): void {
      queue.push(change);
      flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(flush);
    },
    async close(): Promise<void> {
      await flushing;
      await client.end();
    },
  };
}

function valuesOf(batch: readonly Change[]): unknown[] {
  const made = batch.filter(({ output }) => output === undefined);
  const moved = batch.filter(({ output }) => output !== undefined);
  return [
    made.map(({ run }) => run.id),
    moved.map(({ run }) => run.id),
    moved.map(({ run }) => run.seq),
    moved.map(({ output }) => output),
  ];
}
