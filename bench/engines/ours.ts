/**
 * The service as an engine: its own process, with NATS and the owner of objectives in processes of their own. A step calls
 * the owner by RPC, and its end comes by the bus. This process is the caller.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import type { Guard } from "../../tools/parts/guard.ts";
import { type CommandProcess, startCommandProcess } from "../parts/commands.ts";
import { type DefinitionIds, type DefinitionKind, publishAll } from "./definitions.ts";
import { doorCommands } from "./doors.ts";
import type { Engine, EngineStart } from "./engine.ts";
import { callCommands } from "./ours-calls.ts";
import { ownCommands } from "./ours-own.ts";
import { type Service, startService } from "./service.ts";
import { starterCommands } from "./starters.ts";
import { type Platform, startPlatform } from "./surroundings.ts";
import { watchCommands } from "./watchers.ts";
import { NOTE, SEEN_SUBJECT, type START_TYPE, WAKE_TYPE, WORKSPACE } from "./words.ts";

/** The service under load, as this process sees it. */
export interface Stage {
  readonly service: Service;
  readonly client: Client<typeof WorkflowService>;
  readonly platform: Platform;
  readonly definitions: DefinitionIds;
  /** Starts a run, with an Idempotency-Key where one is given; gives its id. */
  begin(kind: DefinitionKind, key: string, callKey?: string): Promise<string>;
  /** Starts a run of a definition by its id. */
  beginOf(definitionId: string, key: string): Promise<string>;
  /** Starts one more replica of the service; runs are started at all of them in turn. */
  addReplica(): Promise<void>;
  /** Stops the replica that was added last. */
  dropReplica(): Promise<void>;
  /** Resolves when the run has ended. */
  ended(runId: string): Promise<void>;
  /** Resolves when the run waits for an event. */
  waiting(runId: string): Promise<void>;
  /** Publishes an event for parked runs (`go`) or for the trigger (`start`). */
  publish(type: typeof WAKE_TYPE | typeof START_TYPE, key: string): void;
  /** How many runs the bus has reported as started. */
  startedRuns(): number;
}

const EVENTS = "workflows.changes";
const CALL_TIMEOUT_MS = 60_000;

/** Starts everything. */
export async function startOurs(start: EngineStart): Promise<Engine> {
  const { guard, databaseUrl, seen, endDelayMs } = start;
  const platform = await startPlatform(guard, endDelayMs);
  const startReplica = async () =>
    replicaOf(await startService({ guard, databaseUrl, ...platform }));
  const first = await startReplica();
  const replicas = [first];
  const runs = followRuns(platform);
  platform.bus.subscribe(SEEN_SUBJECT, {
    callback(_, message) {
      const { id, atMs } = message.json<{ id: string; atMs: number }>();
      seen(id, atMs);
    },
  });
  await platform.bus.flush();
  const definitions = await publishAll(first.client);
  const stage = stageOf({ platform, definitions, runs, first, replicas, startReplica });
  const parking: string[] = [];
  let worker: CommandProcess | undefined;
  return {
    hostIs: "caller",
    processes: () => [
      ...platform.processes,
      ...(worker === undefined ? [] : [{ name: "worker", pid: worker.pid, withChildren: false }]),
      ...replicas.map(({ service }) => ({
        name: "service",
        pid: service.process().pid,
        withChildren: true,
      })),
    ],
    run: async (kind, id) => stage.ended(await stage.begin(kind, id)),
    async park(id) {
      parking.push(await stage.begin("park", id));
    },
    async parked() {
      for (const runId of parking.splice(0)) await runs.waiting(runId);
    },
    async wake(id) {
      stage.publish(WAKE_TYPE, id);
    },
    own: {
      ...ownCommands(stage),
      ...callCommands(stage),
      ...watchCommands(stage),
      ...starterCommands(stage),
      ...doorCommands(stage),
      /** Starts the worker; resolves when it takes tasks. */
      async startWorker() {
        worker = startWorker(guard, platform);
        await worker.ask("ready");
      },
      async stopWorker() {
        await worker?.stop();
        worker = undefined;
      },
    },
    async close() {
      await worker?.stop();
      await Promise.all(replicas.map((replica) => replica.stop()));
      await platform.stop();
    },
  };
}

function startWorker(guard: Guard, { natsUrl }: Platform): CommandProcess {
  const args = ["--import", "tsx", "bench/parts/worker.ts", natsUrl];
  return startCommandProcess({ guard, name: "worker", args });
}

/** Follows the events of runs on the bus. */
interface Runs {
  ended(runId: string): Promise<void>;
  waiting(runId: string): Promise<void>;
  started(): number;
}

function followRuns({ bus }: Platform): Runs {
  const ended = createMeetings();
  const waiting = createMeetings();
  let started = 0;
  const follow = (what: string, take: (runId: string, text: string) => void) =>
    bus.subscribe(`${EVENTS}.${what}`, {
      callback(_, message) {
        const event = message.json<{ partitionkey: string }>();
        take(event.partitionkey, message.string());
      },
    });
  follow("run.completed", ended.arrive);
  follow("run.failed", (runId, text) => ended.fail(runId, new Error(`a run failed: ${text}`)));
  follow("step.waiting", waiting.arrive);
  bus.subscribe(`${EVENTS}.run.started`, {
    callback() {
      started += 1;
    },
  });
  return { ended: ended.meet, waiting: waiting.meet, started: () => started };
}

/** What arrives and who waits for it meet, whichever comes first. */
function createMeetings() {
  const arrived = new Map<string, Error | undefined>();
  const waiters = new Map<string, (error?: Error) => void>();
  const settle = (key: string, error?: Error) => {
    const waiter = waiters.get(key);
    if (waiter === undefined) arrived.set(key, error);
    else waiter(error);
    waiters.delete(key);
  };
  return {
    arrive: (key: string) => settle(key),
    fail: settle,
    meet(key: string): Promise<void> {
      return new Promise((resolve, reject) => {
        const waiter = (error?: Error) => (error === undefined ? resolve() : reject(error));
        if (!arrived.has(key)) {
          waiters.set(key, waiter);
          return;
        }
        waiter(arrived.get(key));
        arrived.delete(key);
      });
    },
  };
}

/** A replica of the service, and the way to it. */
interface Replica {
  readonly service: Service;
  readonly client: Client<typeof WorkflowService>;
  stop(): Promise<void>;
}

function replicaOf(service: Service): Replica {
  const sessionManager = new Http2SessionManager(service.url);
  const transport = createGrpcTransport({
    baseUrl: service.url,
    sessionManager,
    defaultTimeoutMs: CALL_TIMEOUT_MS,
  });
  return {
    service,
    client: createClient(WorkflowService, transport),
    async stop() {
      sessionManager.abort();
      await service.process().stop();
    },
  };
}

interface StageParts {
  readonly platform: Platform;
  readonly definitions: DefinitionIds;
  readonly runs: Runs;
  readonly first: Replica;
  /** Those at work, the first included. */
  readonly replicas: Replica[];
  startReplica(): Promise<Replica>;
}

function stageOf(parts: StageParts): Stage {
  const { platform, definitions, runs, first, replicas, startReplica } = parts;
  let starts = 0;
  const beginOf = async (definitionId: string, key: string, callKey?: string) => {
    starts += 1;
    const { client } = replicas[starts % replicas.length] ?? first;
    const { run } = await client.startRun(
      { definitionId, workspaceId: WORKSPACE, inputPayload: { id: key, note: NOTE } },
      callKey === undefined ? {} : { headers: { "Idempotency-Key": callKey } },
    );
    if (run === undefined) throw new Error("StartRun answered without a run");
    return run.id;
  };
  return {
    service: first.service,
    client: first.client,
    platform,
    definitions,
    begin: (kind, key, callKey) => beginOf(definitions[kind], key, callKey),
    beginOf,
    async addReplica() {
      replicas.push(await startReplica());
    },
    async dropReplica() {
      if (replicas.length > 1) await replicas.pop()?.stop();
    },
    ended: runs.ended,
    waiting: runs.waiting,
    publish(type, key) {
      platform.bus.publish(type, eventOf(type, key));
    },
    startedRuns: runs.started,
  };
}

function eventOf(type: string, key: string): string {
  return JSON.stringify({
    specversion: "1.0",
    id: `${type}-${key}`,
    source: "bench",
    type,
    subject: `bench/${key}`,
    tenantid: WORKSPACE,
    datacontenttype: "application/json",
    data: { id: key, note: NOTE },
  });
}
