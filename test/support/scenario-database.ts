/**
 * The runtime with a real Postgres as a stage for scenarios: every input is a committed transaction.
 * Boundary: the store, the engine and the processor are the real ones; calls are collected and nobody performs them.
 * A call is encoded as JSON, so that the transcript can tell what was asked for.
 */
import type { VersionSpec } from "../../src/engine/definition.ts";
import type { Call } from "../../src/engine/effect.ts";
import type { BusEvent } from "../../src/engine/event.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import type { Input } from "../../src/engine/input.ts";
import { viewRun } from "../../src/engine/payloads.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { createLog } from "../../src/runtime/log.ts";
import { createProcessor } from "../../src/runtime/processor.ts";
import { type RouteDeps, routeEvents } from "../../src/runtime/route-event.ts";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { type PackedRow, unpackRow } from "../../src/store/packed-moves.ts";
import { findRunRows } from "../../src/store/reads/runs.ts";
import { freshDatabase } from "./database.ts";
import { type DatabaseClock, installClock } from "./database-clock.ts";
import { publish, startOf, WORKSPACE } from "./processor.ts";
import type { MadeCall } from "./scenario-happening.ts";
import { SCRIPT_STARTS_AT_MS, type Stage } from "./scenario-play.ts";

/** A database with a processor, for any number of stages one after the other. */
export interface Theatre {
  readonly database: Database;
  /** A stage for runs of this version, which is published under the name. */
  stage(name: string, spec: VersionSpec): Promise<Stage>;
  close(): Promise<void>;
}

/** Opens a theatre on a database of its own. */
export async function openTheatre(): Promise<Theatre> {
  const { url, drop } = await freshDatabase();
  const clock = await installClock(url);
  const log = createLog({ level: "error", format: "pretty" });
  const database = openDatabase({ url, log });
  const graphs = createGraphCache(database);
  const calls: MadeCall[] = [];
  const processor = createProcessor({
    database,
    graphs,
    // As the pure stage: an agent that is named needs no look-up.
    lookups: {
      find: ({ agentId, skillId }) => (agentId === "" ? undefined : { agentId, skillId }),
    },
    encodeCall: (call) => new TextEncoder().encode(JSON.stringify(call)),
    replicaId: "scenario",
    log,
    onCommitted(committed) {
      for (const { effectId: id, stepIndex, attempt, request } of committed.calls) {
        const call = JSON.parse(new TextDecoder().decode(request)) as Call;
        calls.push({ id, stepIndex, attempt, call });
      }
    },
  });
  return {
    database,
    stage: (name, spec) => stageOf({ database, processor, graphs, log, calls, clock }, name, spec),
    async close() {
      await processor.stop();
      await clock.close();
      await database.close();
      await drop();
    },
  };
}

interface House extends RouteDeps {
  readonly clock: DatabaseClock;
  readonly calls: MadeCall[];
}

const PUBLISHED_BEFORE_MS = 60_000;

async function stageOf(house: House, name: string, spec: VersionSpec): Promise<Stage> {
  const { database, processor, calls, clock } = house;
  // A version hears what comes after its publish.
  await clock.set(SCRIPT_STARTS_AT_MS - PUBLISHED_BEFORE_MS);
  const version = await publish(database, name, spec);
  const graph = compileGraph(spec);
  const cause = { kind: "engine", id: "test" } as const;
  let runId = "";
  let seq = 0;
  const begin = async () => {
    // The clock is set back: what the runs before heard would count as heard since this one began.
    await forgetEvents(database);
    await clock.set(SCRIPT_STARTS_AT_MS);
    calls.length = 0;
    seq = 0;
  };
  return {
    graph,
    async start(input, facts) {
      await begin();
      const start = startOf(version, { ...facts, input });
      const settled = await processor.submit({ kind: "start", start, cause });
      runId = settled.runId;
      return settled.reply;
    },
    async arrive(event) {
      await begin();
      const started = await startedBy(house, version.definitionId, event);
      runId = started ?? runId;
      return started !== undefined;
    },
    async put(bare) {
      const input = { ...bare, cause } as Input;
      const submission = { kind: "input", runId, workspaceId: WORKSPACE, input } as const;
      return (await processor.submit(submission)).reply;
    },
    advance: (ms) => clock.advance(ms),
    async takeMoves() {
      const rows = await movesAfter(database, runId, seq);
      seq = rows.at(-1)?.seq ?? seq;
      return rows.flatMap((row) => unpackRow(runId, row).moves);
    },
    takeCalls: () => calls.splice(0),
    async view() {
      const found = await findRunRows(database.read, runId);
      if (found === undefined) throw new Error(`run ${runId} is not stored`);
      const run = { ...found.run, edgeMarks: found.run.edgeMarks.slice(0, graph.edges.length) };
      return viewRun(graph, run, found.input, found.steps);
    },
    openCalls: () => openCallsOf(database, runId),
  };
}

/** The run of this definition that the event starts by the way of the bus. */
async function startedBy(
  house: House,
  definitionId: string,
  event: BusEvent,
): Promise<string | undefined> {
  const [routed] = await routeEvents(house, [event]);
  if (routed === undefined || !routed.ok) throw new Error("the event failed", { cause: routed });
  const text = "select id from workflow_runs where id = any($1) and definition_id = $2";
  const rows = await house.database.read.query<{ id: string }>({ name: "scenario_started", text }, [
    routed.startedRunIds,
    definitionId,
  ]);
  return rows[0]?.id;
}

async function forgetEvents(database: Database): Promise<void> {
  await database.transaction((tx) =>
    tx.query({ name: "scenario_forget", text: "delete from kept_events" }, []),
  );
}

interface MovesRow extends PackedRow {
  readonly seq: number;
}

const MOVES = "select seq, cause, moves from run_moves where run_id = $1 and seq > $2 order by seq";

function movesAfter(database: Database, runId: string, seq: number): Promise<MovesRow[]> {
  return database.read.query<MovesRow>({ name: "scenario_moves", text: MOVES }, [runId, seq]);
}

async function openCallsOf(database: Database, runId: string): Promise<string[]> {
  const text = "select id from effects where starts_with(id, $1 || '/')";
  const rows = await database.read.query<{ id: string }>({ name: "scenario_calls", text }, [runId]);
  return rows.map((row) => row.id);
}
