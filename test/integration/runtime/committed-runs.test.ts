/** Runs that are folded as this replica committed them last. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import type { Graph } from "../../../src/engine/graph/graph.ts";
import type { IssuedCall } from "../../../src/engine/values/call.ts";
import type { Cause, Input } from "../../../src/engine/values/input.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { isFinalRun } from "../../../src/engine/values/run.ts";
import { type CommitDeps, commitBatch } from "../../../src/runtime/commit-batch.ts";
import { type CommittedRun, CommittedRuns } from "../../../src/runtime/committed-runs.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { LimitedWorkflows } from "../../../src/runtime/limited-workflows.ts";
import { MemoryTrust } from "../../../src/runtime/memory-trust.ts";
import type { Submission } from "../../../src/runtime/processor.ts";
import type { BatchOutcome } from "../../../src/runtime/write-batch.ts";
import type { Database, Queries } from "../../../src/store/database.ts";
import { loadRows } from "../../../src/store/load-rows.ts";
import { readRuns } from "../../../src/store/lock-runs.ts";
import { specOfVersion } from "../../../src/store/reads/definitions.ts";
import { runOfRow } from "../../../src/store/rows.ts";
import { StaleRows } from "../../../src/store/save-fences.ts";
import { type BareInput, EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";
import { answerTo } from "../../support/random/random-answers.ts";
import { type RandomNumbers, randomNumbers } from "../../support/random/random-numbers.ts";
import { byHand, openRows, reportOn } from "../../support/random/random-reports.ts";
import { RUN_INPUT, randomVersion } from "../../support/random/random-version.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const SEEDS = 40;
const INPUTS_AT_MOST = 25;
const CAUSE: Cause = { kind: "engine", id: "test" };

let at: TestProcessor;

beforeAll(async () => {
  at = await startProcessor();
});
afterAll(async () => {
  await at.stop();
});

/** One replica: its memory, the calls it made, and the statements that its batches read with. */
class Replica {
  readonly committed = new CommittedRuns();
  readonly calls = new Map<string, IssuedCall>();
  readonly reads: string[] = [];
  /** Done in each batch after it has read. */
  beforeSave: (() => Promise<unknown>) | undefined;
  readonly #deps: CommitDeps;

  constructor() {
    const { database } = at;
    const write: Queries = {
      build: database.write.build,
      query: (statement, values) => {
        this.reads.push(statement.name);
        return database.write.query(statement, values);
      },
    };
    const transaction: Database["transaction"] = async (work) => {
      await this.beforeSave?.();
      return database.transaction(work);
    };
    const alone: Database["alone"] = {
      query: async (statement, values) => {
        await this.beforeSave?.();
        return database.alone.query(statement, values);
      },
    };
    this.#deps = {
      ...{
        database: { ...database, write, alone, transaction },
        graphs: createGraphCache(database),
      },
      ...{ lookups: { choose: () => undefined }, replicaId: "replica-a" },
      ...{ committed: this.committed, memory: new MemoryTrust() },
      limited: new LimitedWorkflows(),
      listenedKeys: { moment: () => 0, note() {} },
      encodeCall: (call) => new TextEncoder().encode(JSON.stringify(call)),
    };
  }

  async commit(runId: string, submission: Submission): Promise<BatchOutcome> {
    this.reads.length = 0;
    const outcome = await commitBatch(this.#deps, [{ runId, submission }]);
    for (const { callId: id, request, ...call } of outcome.committed.calls) {
      this.calls.set(id, { id, ...call, call: JSON.parse(new TextDecoder().decode(request)) });
    }
    return outcome;
  }
  put(runId: string, bare: BareInput): Promise<BatchOutcome> {
    const input = { cause: CAUSE, ...bare } as Input;
    if (input.kind === "call_returned") this.calls.delete(input.callId);
    return this.commit(runId, { kind: "input", runId, workspaceId: WORKSPACE, input });
  }
}

/** The run as the database has it, in the form in which it is kept. */
async function stored(runId: string, { edges }: Graph): Promise<CommittedRun> {
  const { database } = at;
  const { rows } = await readRuns(database.write, [{ runId, rowVersion: "", steps: [] }], []);
  const [row] = rows;
  if (row === undefined) throw new Error(`${runId} is not stored`);
  const read = runOfRow(row);
  const run = { ...read, edgeMarks: read.edgeMarks.slice(0, edges.length) };
  const steps = Array.from(row.stepMarks.keys());
  const found = (await loadRows(database.write, [{ runId, steps, runInput: true }])).get(runId);
  return {
    ...{ run, rowVersion: row.rowVersion, input: found?.input },
    steps: new Map(found?.steps.map((each) => [each.index, each])),
    stepVersions: found?.stepVersions ?? new Map(),
  };
}

function chooseInput(random: RandomNumbers, run: EngineRun): BareInput {
  const isTrouble = random.chance(20);
  const call = random.pick([...run.openCalls.values()]);
  if (call !== undefined && random.chance(60)) return answerTo(random, call, isTrouble);
  const row = random.pick(openRows(run));
  if (row !== undefined && random.chance(80)) return reportOn(random, run, row, isTrouble);
  if (random.chance(20)) return { kind: "cancel_requested", reason: "enough" };
  return byHand(random, run, random.below(run.graph.steps.length));
}

const TWO_STEPS = compileGraph(
  version(
    ["a", "b"].map((id) => step({ id, stepType: "AGENT_ACTION", agentId: "agent" })),
    [edge("a>b")],
  ),
);

/** A run of two agents' steps that this replica has started. */
async function chain(
  name: string,
  input: JsonObject = RUN_INPUT,
): Promise<{ replica: Replica; runId: string }> {
  const start = startOf(await publish(at.database, name, TWO_STEPS.spec), { input });
  const replica = new Replica();
  const runId = `wfr_${name}`;
  await replica.commit(runId, { kind: "start", start, cause: CAUSE });
  return { replica, runId };
}

/** The reply to the call that made the first step's objective. */
async function objectiveOf(replica: Replica, runId: string, caller = replica): Promise<void> {
  const [call] = [...replica.calls.values()];
  if (call === undefined) throw new Error(`${runId} made no call`);
  const value = { kind: "create_objective", objectiveId: "o-1" } as const;
  await caller.put(runId, {
    ...{ kind: "call_returned", call: "create_objective", callId: call.id },
    ...{ stepIndex: 0, attempt: 1, result: { ok: true, value } },
  });
}

const COMPLETED: BareInput = {
  ...{ kind: "owner_reported", stepIndex: 0 },
  report: {
    errorMessage: "",
    agentId: "",
    ...{ owner: "objective", id: "o-1", state: "COMPLETED" },
    ...{ output: { done: 1 }, costUsd: 0.5 },
  },
};
const APPLIED = [{ kind: "settled", settled: { reply: { kind: "applied" } } }];

describe("a run that is kept", () => {
  it("is as the database has it, whatever has happened to it", async () => {
    let compared = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const random = randomNumbers(seed);
      const row = await publish(at.database, `kept-${seed}`, randomVersion(random));
      const replica = new Replica();
      const runId = `wfr_kept${seed}`;
      const start = startOf(row, { input: RUN_INPUT });
      await replica.commit(runId, { kind: "start", start, cause: CAUSE });
      const run = new EngineRun(compileGraph(specOfVersion(row)).spec, RUN_INPUT, {});
      for (let n = 0; n < INPUTS_AT_MOST; n += 1) {
        const found = await stored(runId, run.graph);
        const kept = replica.committed.find(runId);
        if (isFinalRun(found.run.state)) {
          expect(kept).toBeUndefined();
          break;
        }
        if (kept !== undefined) {
          const [own, read] = [comparable(kept, kept), comparable(found, kept)];
          expect(own, `seed ${seed}, input ${n}`).toEqual(read);
          // Expressions see the order of keys.
          expect(payloadsIn(own)).toBe(payloadsIn(read));
          compared += 1;
        }
        Object.assign(run, {
          run: found.run,
          rows: new Map(found.steps),
          openCalls: replica.calls,
        });
        await replica.put(runId, chooseInput(random, run));
      }
    }
    expect(compared).toBeGreaterThan(SEEDS * 3);
  });

  it("has the keys of its payloads in the order of the database", async () => {
    const input = { bb: { longest: 1, b: 2, a: 3 }, a: -0, list: [{ zz: 1, y: 2 }] };
    const { replica, runId } = await chain("ordered", input);
    const { input: read } = await stored(runId, TWO_STEPS);
    expect(JSON.stringify(replica.committed.find(runId)?.input)).toBe(JSON.stringify(read));
    expect(Object.keys(read ?? {})).toEqual(["a", "bb", "list"]);
  });

  it("needs nothing read for its next input", async () => {
    const { replica, runId } = await chain("counted");
    await objectiveOf(replica, runId);
    expect(replica.reads).toEqual(["read_runs"]);
    const { results } = await replica.put(runId, COMPLETED);
    expect(results).toMatchObject(APPLIED);
    expect(replica.reads).toEqual([]);
  });

  it("is read anew when another replica has moved it", async () => {
    const { replica, runId } = await chain("moved");
    await objectiveOf(replica, runId);
    const other = new Replica();
    await other.put(runId, { kind: "pause_requested", reason: "" });
    await replica.put(runId, COMPLETED);
    const { run } = await stored(runId, TWO_STEPS);
    expect(run).toMatchObject({ state: "PAUSED", unsettled: [0] });
  });

  it("is read anew when a step learned an id at another replica, which leaves the run's row as it is", async () => {
    const { replica, runId } = await chain("learned");
    const before = replica.committed.find(runId)?.rowVersion;
    await objectiveOf(replica, runId, new Replica());
    expect((await stored(runId, TWO_STEPS)).rowVersion).toBe(before);
    const { results } = await replica.put(runId, COMPLETED);
    expect(results).toMatchObject(APPLIED);
  });

  it("comes again when a row of it was written since, and is read then", async () => {
    const { replica, runId } = await chain("checked");
    await objectiveOf(replica, runId);
    // As reconciliation marks the steps that it asks about, here between the read and the save.
    const mark = {
      name: "mark_checked",
      text: "update step_runs set checked_at = now() - interval '1 ms' where run_id = $1",
    };
    replica.beforeSave = () => at.database.write.query(mark, [runId]);
    await expect(replica.put(runId, COMPLETED)).rejects.toThrow(StaleRows);
    expect(replica.committed.find(runId)).toBeUndefined();
    replica.beforeSave = undefined;
    await replica.put(runId, COMPLETED);
    expect((await stored(runId, TWO_STEPS)).steps.get(0)).toMatchObject({ state: "COMPLETED" });
  });
});

function payloadsIn({ input, steps }: ReturnType<typeof comparable>): string {
  return JSON.stringify([input, steps.map((row) => [row?.input, row?.output, row?.detail])]);
}

/** Of what a run has only what is kept: rows that no batch had loaded are not. */
function comparable({ run, rowVersion, ...rest }: CommittedRun, kept: CommittedRun) {
  return {
    ...{ run, rowVersion, input: kept.input && rest.input },
    steps: [...kept.steps.keys()].map((index) => rest.steps.get(index)),
    versions: [...kept.stepVersions.keys()].map((index) => rest.stepVersions.get(index)),
  };
}
