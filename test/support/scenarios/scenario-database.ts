/**
 * The runtime with a real Postgres as a stage for scenarios: every input is a committed transaction.
 * Boundary: the store, the engine and the processor are the real ones; calls are collected and not performed.
 * A call is encoded as JSON, so that the transcript can show the request.
 */

import { viewRun } from "../../../src/engine/draft/payloads.ts";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import type { Graph } from "../../../src/engine/graph/graph.ts";
import type { Call, CallResult } from "../../../src/engine/values/call.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import type { BusEvent } from "../../../src/engine/values/event.ts";
import type { Cause, Input } from "../../../src/engine/values/input.ts";
import { createLog } from "../../../src/process/log.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { MemoryTrust } from "../../../src/runtime/memory-trust.ts";
import {
  type ChildRunDeps,
  cancelChildRun,
  compensateChildRun,
  startChildRun,
  tellParentRun,
} from "../../../src/runtime/own-submissions.ts";
import { type Committed, createProcessor, type Processor } from "../../../src/runtime/processor.ts";
import { type RouteDeps, routeEvents } from "../../../src/runtime/routing/route-event.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { type PackedRow, unpackRow } from "../../../src/store/packed-moves.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { findRunRows } from "../histories/stored-run.ts";
import { freshDatabase } from "../servers/database.ts";
import { CLOCK_SETTINGS, type DatabaseClock, installClock } from "../servers/database-clock.ts";
import { publish, startOf, WORKSPACE } from "../services/processor.ts";
import type { OwnCall } from "./scenario-cast.ts";
import type { OtherVersions } from "./scenario-file.ts";
import type { MadeCall } from "./scenario-happening.ts";
import { SCRIPT_STARTS_AT_MS, type Stage } from "./scenario-play.ts";

/** A database with a processor, for any number of stages one after the other. */
export interface Theatre {
  readonly database: Database;
  readonly databaseUrl: string;
  /** A stage for runs of this version, which is published under the name, and the others under theirs. */
  stage(name: string, spec: VersionSpec, others?: OtherVersions): Promise<Stage>;
  close(): Promise<void>;
}

/** What somebody puts between the processor and the database, and sees of each commit. */
interface Audience {
  between(database: Database): Database;
  onCommitted(committed: Committed): void;
}

const NOBODY: Audience = { between: (database) => database, onCommitted() {} };

/** Opens a theatre on a database of its own. */
export async function openTheatre(audience = NOBODY): Promise<Theatre> {
  const { url, drop } = await freshDatabase();
  const clock = await installClock(url);
  const log = createLog({ level: "error", format: "pretty" });
  const database = openDatabase({ url, settings: CLOCK_SETTINGS, log });
  const graphs = createGraphCache(database);
  const calls: MadeCall[] = [];
  const processor = createProcessor({
    database: audience.between(database),
    memory: new MemoryOfClock(clock),
    graphs,
    // As the pure stage: an agent that is named needs no look-up.
    lookups: {
      choose: ({ agentId, skillId }) => (agentId === "" ? undefined : { agentId, skillId }),
    },
    encodeCall: (call) => new TextEncoder().encode(JSON.stringify(call)),
    replicaId: "scenario",
    log,
    onCommitted(committed) {
      for (const { callId: id, runId, stepIndex, attempt, request } of committed.calls) {
        const call = JSON.parse(new TextDecoder().decode(request)) as Call;
        calls.push({ id, runId, stepIndex, attempt, call });
      }
      audience.onCommitted(committed);
    },
  });
  return {
    database,
    databaseUrl: url,
    stage: (name, spec, others = new Map()) =>
      stageOf({ database, processor, graphs, log, calls, clock }, [[name, spec], ...others]),
    async close() {
      await processor.stop();
      await clock.close();
      await database.close();
      await drop();
    },
  };
}

/** The database's clock stands still and is moved, so no time since an answer shows it. */
class MemoryOfClock extends MemoryTrust {
  readonly #clock: DatabaseClock;
  constructor(clock: DatabaseClock) {
    super();
    this.#clock = clock;
  }
  override nowMs(): number | undefined {
    return super.nowMs() === undefined ? undefined : this.#clock.nowMs;
  }
}

interface House extends RouteDeps {
  readonly processor: Processor;
  readonly clock: DatabaseClock;
  readonly calls: MadeCall[];
}

const CAUSE: Cause = { kind: "engine", id: "test" };
const PUBLISHED_BEFORE_MS = 60_000;

/** The first version is the one whose runs the script begins. */
async function stageOf(
  house: House,
  specs: readonly (readonly [string, VersionSpec])[],
): Promise<Stage> {
  const { database, processor, calls, clock } = house;
  // A version takes events that arrive after its publish.
  await clock.set(SCRIPT_STARTS_AT_MS - PUBLISHED_BEFORE_MS);
  const published = await publishAll(database, specs);
  const [first] = published;
  if (first === undefined) throw new Error("there is no version to play");
  const { version, graph } = first;
  const graphs = new Map<string, Graph>();
  const seqs = new Map<string, number>();
  const begin = async () => {
    // The clock is set back: events that earlier runs received would count as received since this run began.
    await forgetEvents(database);
    await clock.set(SCRIPT_STARTS_AT_MS);
    calls.length = 0;
  };
  const graphOf = (runId: string) => graphs.get(runId) ?? graph;
  return {
    graph,
    graphOf,
    async start(input, facts) {
      await begin();
      const start = startOf(version, { ...facts, input });
      return processor.submit({ kind: "start", start, cause: CAUSE });
    },
    async arrive(event) {
      await begin();
      const runId = await startedBy(house, version.definitionId, event);
      return runId === undefined ? undefined : { runId, reply: { kind: "applied" } };
    },
    async put(runId, bare) {
      const input = { ...bare, cause: CAUSE } as Input;
      const submission = { kind: "input", runId, workspaceId: WORKSPACE, input } as const;
      return (await processor.submit(submission)).reply;
    },
    async carryOut(own) {
      const result = await carryOut(house, own);
      if (result.ok && result.value.kind === "start_run") {
        const { runId } = result.value;
        const found = await findRunRows(database.read, runId);
        const its = published.find((each) => each.version.id === found?.run.versionId);
        if (its !== undefined) graphs.set(runId, its.graph);
      }
      return result;
    },
    advance: (ms) => clock.advance(ms),
    async takeMoves(runId) {
      const rows = await movesAfter(database, runId, seqs.get(runId) ?? 0);
      const last = rows.at(-1);
      if (last !== undefined) seqs.set(runId, last.seq);
      return rows.flatMap((row) => unpackRow(runId, row).moves);
    },
    takeCalls: () => calls.splice(0),
    async view(runId) {
      const found = await findRunRows(database.read, runId);
      if (found === undefined) throw new Error(`run ${runId} is not stored`);
      const edges = graphOf(runId).edges.length;
      const run = { ...found.run, edgeMarks: found.run.edgeMarks.slice(0, edges) };
      return viewRun(graphOf(runId), run, found.input, found.steps);
    },
    openCalls: (runId) => openCallsOf(database, runId),
  };
}

async function publishAll(
  database: Database,
  specs: readonly (readonly [string, VersionSpec])[],
): Promise<{ version: VersionRow; graph: Graph }[]> {
  const published: { version: VersionRow; graph: Graph }[] = [];
  for (const [name, spec] of specs) {
    published.push({
      version: await publish(database, name, spec),
      graph: compileGraph(spec),
    });
  }
  return published;
}

function carryOut(deps: ChildRunDeps, { callId, call }: OwnCall): Promise<CallResult> {
  const own = { callId, workspaceId: WORKSPACE };
  switch (call.kind) {
    case "start_run":
      return startChildRun(deps, own, call);
    case "cancel_run":
      return cancelChildRun(deps, own, call);
    case "compensate_run":
      return compensateChildRun(deps, own, call);
    case "tell_parent":
      return tellParentRun(deps, own, call);
  }
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
