/**
 * The service from the bus to Postgres, without RPC and egress: consumers, routing, processor.
 * Boundary: needs the servers of TEST_DATABASE_URL and TEST_NATS_URL. Streams have random names, so
 * that files run side by side on one nats-server; committed calls are collected, not made.
 */
import { randomBytes } from "node:crypto";
import { headers, type JetStreamManager, type NatsConnection } from "nats";
import pg from "pg";
import type { CallValue } from "../../../src/engine/values/call.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import type { Resolution } from "../../../src/engine/values/step-detail.ts";
import { type BusConsumers, startBusConsumers } from "../../../src/ingress/bus/bus-consumers.ts";
import { connectBus } from "../../../src/ingress/bus/connection.ts";
import { createLog, type Log } from "../../../src/process/log.ts";
import { createDefinition, publishVersion } from "../../../src/runtime/definitions.ts";
import { createGraphCache, type GraphCache } from "../../../src/runtime/graphs.ts";
import {
  createProcessor,
  type LeasedCall,
  type Processor,
} from "../../../src/runtime/processor.ts";
import type { RunStart } from "../../../src/runtime/submission.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { readClock } from "../../../src/store/service-reads/clock.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { until } from "../assertions/until.ts";
import { freshDatabase } from "../servers/database.ts";
import { startOf } from "./processor.ts";
import { STREAM_LIMITS } from "./stream-limits.ts";

/** A definition with one version. */
export interface DefinedVersion {
  readonly id: string;
  readonly versionId: string;
}

/** The parts, running. */
export interface BusService {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly log: Log;
  readonly processor: Processor;
  /** A stream of its own, with subjects `<role>.<token>.>` for every role. */
  readonly stream: string;
  readonly token: string;
  /** Calls that commits issued, in order. */
  readonly calls: LeasedCall[];
  readonly consumers: BusConsumers;
  /** Everything logged, a line each. */
  readonly logged: string[];
  /** An object is written as JSON, a text or bytes as they are. Resolves with the stream sequence. */
  publish(
    role: string,
    body: string | object | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<number>;
  /** Resolves when the role's consumer has nothing left to deliver or to acknowledge. */
  settle(role: string): Promise<void>;
  /** Starts a run by hand and gives its id. */
  start(definition: DefinedVersion, fields?: Partial<RunStart>): Promise<string>;
  /** Submits the result of a call of this kind, once the run has issued one. */
  returnCall(runId: string, value: CallValue): Promise<void>;
  define(workspaceId: string, spec: VersionSpec): Promise<DefinedVersion>;
  rows(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** As a fresh replica would begin. */
  restartConsumers(): Promise<void>;
  stop(): Promise<void>;
}

const ROLES = ["objectives", "approvals", "governance", "agents", "siphon", "crm"];
// The client's own 5 s are too few for a burst of events on a busy machine.
const PATIENT = { timeout: 30_000 };
const AGENT: Resolution = { agentId: "a1", skillId: "" };

/** Starts them on a fresh database; the streams exist before. Roles beyond the usual ones may be added. */
export async function startBusService(moreRoles: readonly string[] = []): Promise<BusService> {
  const token = randomBytes(5).toString("hex");
  const stream = `T_${token}`;
  const logged: string[] = [];
  const log = createLog({ level: "debug", format: "json", write: (line) => logged.push(line) });
  const fresh = await freshDatabase();
  const database = openDatabase({ url: fresh.url, log });
  const sql = new pg.Client({ connectionString: fresh.url });
  await sql.connect();
  const connection = await connectBus({ servers: [process.env.TEST_NATS_URL ?? ""] }, log);
  const manager = await connection.jetstreamManager(PATIENT);
  const subjects = [...ROLES, ...moreRoles].map((role) => `${role}.${token}.>`);
  await manager.streams.add({ name: stream, subjects });
  const calls: LeasedCall[] = [];
  const graphs = createGraphCache(database);
  const processor = createProcessor({
    database,
    graphs,
    log,
    encodeCall,
    lookups: { choose: () => AGENT },
    onCommitted: (committed) => void calls.push(...committed.calls),
    replicaId: "test",
  });
  const startConsumers = async () =>
    startBusConsumers({
      limits: STREAM_LIMITS,
      connection,
      database,
      processor,
      graphs,
      log,
      sources: subjects.map((subject) => ({ stream, subject })),
      createStreams: false,
      ownStream: "WORKFLOWS",
      startedAt: await readClock(database.read),
    });
  let consumers = await startConsumers();
  return {
    connection,
    manager,
    database,
    graphs,
    log,
    processor,
    stream,
    token,
    calls,
    logged,
    get consumers() {
      return consumers;
    },
    async publish(role, body, fields = {}) {
      const isData = typeof body === "string" || body instanceof Uint8Array;
      const head = headers();
      for (const [name, value] of Object.entries(fields)) head.set(name, value);
      const ack = await connection
        .jetstream(PATIENT)
        .publish(`${role}.${token}.x`, isData ? body : JSON.stringify(body), { headers: head });
      return ack.seq;
    },
    async settle(role) {
      await until(async () => {
        for await (const info of manager.consumers.list(stream)) {
          if (info.config.filter_subject !== `${role}.${token}.>`) continue;
          if (info.num_pending + info.num_ack_pending === 0) return true;
        }
        return undefined;
      });
    },
    async define(workspaceId, spec) {
      const name = randomBytes(6).toString("hex");
      const definition = await createDefinition(
        { database },
        { workspaceId, name, description: "", tags: [] },
      );
      const { version } = await publishVersion({ database }, { definitionId: definition.id, spec });
      return { id: definition.id, versionId: version.id };
    },
    async start(definition, fields = {}) {
      const settled = await processor.submit({
        kind: "start",
        cause: { kind: "rpc", id: "StartRun" },
        start: startOf(
          { definitionId: definition.id, id: definition.versionId, version: 1 },
          { workspaceId: "ws", input: {}, ...fields },
        ),
      });
      return settled.runId;
    },
    async returnCall(runId, value) {
      const call = await until(() =>
        calls.find((wanted) => wanted.runId === runId && wanted.kind === value.kind),
      );
      await processor.submit({
        kind: "input",
        runId,
        workspaceId: "",
        input: {
          kind: "call_returned",
          cause: { kind: "call", id: call.callId },
          callId: call.callId,
          call: call.kind,
          stepIndex: call.stepIndex,
          attempt: call.attempt,
          result: { ok: true, value },
        },
      });
    },
    async rows(text, values = []) {
      return (await sql.query(text, [...values])).rows;
    },
    async restartConsumers() {
      await consumers.stop();
      consumers = await startConsumers();
    },
    async stop() {
      await consumers.stop();
      await processor.stop();
      await manager.streams.delete(stream);
      await connection.close();
      await database.close();
      await sql.end();
      await fresh.drop();
    },
  };
}
