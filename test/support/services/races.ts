/**
 * Two things that happen to one run, in a forced order: one committed after the other, both in one batch, or at two
 * replicas.
 * Boundary: real processors on a real Postgres; calls are collected, and the test submits their results.
 */

import { planRerun } from "../../../src/engine/flow/plan-rerun.ts";
import type { CallKind, CallValue } from "../../../src/engine/values/call.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import type { Input, OwnerReport } from "../../../src/engine/values/input.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import { stateOfMark } from "../../../src/engine/values/run.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import {
  createProcessor,
  type LeasedCall,
  type Processor,
} from "../../../src/runtime/processor.ts";
import { routeEvent } from "../../../src/runtime/routing/route-event.ts";
import type { Database } from "../../../src/store/database.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { movesOf, readHistory } from "../histories/stored-history.ts";
import { findRunRows } from "../histories/stored-run.ts";
import { publish, startOf, startProcessor, type TestProcessor, WORKSPACE } from "./processor.ts";

/** How two inputs meet; in each of them the first is committed before, or together with and ahead of, the second. */
export const ORDERS = ["one after the other", "in one batch", "at two replicas"] as const;
/** See ORDERS. */
export type Order = (typeof ORDERS)[number];

const RPC = { kind: "rpc", id: "test" } as const;
const EVENT = { kind: "event", id: "event-1" } as const;

/** A run and what can be done to it. */
export class RacedRun {
  readonly at: TestProcessor;
  readonly other: Processor;
  readonly id: string;
  readonly #ids: readonly string[];

  constructor(at: TestProcessor, other: Processor, id: string, spec: VersionSpec) {
    this.at = at;
    this.other = other;
    this.id = id;
    this.#ids = spec.steps.map((step) => step.id);
  }

  async put(input: Input, by: Processor = this.at.processor): Promise<string> {
    const submission = { kind: "input", runId: this.id, workspaceId: "", input } as const;
    return shown((await by.submit(submission)).reply);
  }

  /** Both inputs; gives both replies in short: `applied`, `unchanged`, or `refused FROM to TO`. */
  async race(order: Order, first: Input, second: Input): Promise<[string, string]> {
    if (order === "in one batch") {
      const before = this.at.batches.length;
      const replies = await Promise.all([this.put(first), this.put(second)]);
      const commits = this.at.batches.length - before;
      if (commits !== 1) throw new Error(`${commits} commits are not one batch`);
      return replies;
    }
    const reply = await this.put(first);
    const by = order === "at two replicas" ? this.other : this.at.processor;
    return [reply, await this.put(second, by)];
  }

  /** A Rerun of what was not completed, as it is planned now. */
  async rerun(): Promise<Input> {
    const whole = await findRunRows(this.at.database.read, this.id);
    if (whole === undefined) throw new Error(`run ${this.id} is not stored`);
    const { run, steps } = whole;
    const graphs = await createGraphCache(this.at.database).require([run.versionId]);
    const graph = graphs.get(run.versionId);
    if (graph === undefined) throw new Error(`version ${run.versionId} is not stored`);
    const detailOf = (index: number) => steps.get(index)?.detail ?? {};
    const { seed } = planRerun({ graph, run, detailOf }, graph, { hasNewInput: false });
    const { seq, versionId, definitionVersion: version } = run;
    const order = { seq, versionId, version, seed, reason: "again" };
    return { kind: "rerun_requested", order, cause: RPC };
  }

  /** Kinds of the calls that commits issued, in order. */
  get calls(): CallKind[] {
    return this.#calls.map(({ kind }) => kind);
  }
  get #calls(): LeasedCall[] {
    return this.at.calls.filter(({ runId }) => runId === this.id);
  }

  /** The result of the latest call of a kind. */
  returned(value: CallValue): Input {
    const found = this.issued(value.kind).at(-1);
    if (found === undefined)
      throw new Error(`${value.kind} is not among the issued calls ${this.calls}`);
    return found(value);
  }

  /** The calls of a kind in order, each as its result of a value. */
  issued(wanted: CallKind): ((value: CallValue) => Input)[] {
    const calls = this.#calls.filter(({ kind }) => kind === wanted);
    return calls.map(({ callId, kind: call, stepIndex, attempt }) => (value) => {
      const cause = { kind: "call", id: callId } as const;
      const result = { ok: true, value } as const;
      return { kind: "call_returned", cause, callId, call, stepIndex, attempt, result };
    });
  }

  /** An event of the bus that the run's workspace may be waiting for. Gives the ids of the runs that took it. */
  async event(type: string): Promise<string[]> {
    const { database, processor, log } = this.at;
    const deps = { database, processor, log, graphs: createGraphCache(database) };
    const routed = await routeEvent(deps, {
      ...{ workspaceId: WORKSPACE, id: `event-of-${this.id}`, source: "crm", type, subject: "" },
      ...{ time: "", data: { from: "bus" }, actorAgentId: "", hops: 0 },
    });
    if (!routed.ok) throw new Error("the event was not routed", { cause: routed });
    return routed.updatedRunIds;
  }

  /** Lets timers and deadlines fall due. */
  timePasses(seconds: number): Promise<void> {
    return shiftTimes(this.at.database, this.id, seconds * 1_000);
  }

  /** `RUNNING: work WAITING, next PENDING` and so on, with the total cost where there is one. */
  async shown(): Promise<string> {
    const whole = await findRunRows(this.at.database.read, this.id);
    if (whole === undefined) throw new Error(`run ${this.id} is not stored`);
    const { state, stepMarks, totalCostUsd } = whole.run;
    const steps = this.#ids.map((id, index) => `${id} ${stateOfMark(stepMarks[index] ?? 0)}`);
    const cost = totalCostUsd === 0 ? "" : `, ${totalCostUsd} USD`;
    return `${state}: ${steps.join(", ")}${cost}`;
  }

  /** What is published and noted of the run: `run.cancel`, `work.ignored` and so on, without what began it. */
  async history(): Promise<string[]> {
    const rows = movesOf(await readHistory(this.at.database, this.id));
    return rows.slice(1).flatMap(({ moves }) =>
      moves.flatMap((move) => {
        if (move.of === "run") return [`run.${move.op}`];
        const what = move.op ?? move.note;
        return what === undefined ? [] : [`${this.#ids[move.step]}.${what}`];
      }),
    );
  }

  async outputOf(index: number) {
    return (await findRunRows(this.at.database.read, this.id))?.steps.get(index)?.output;
  }
}

/** Starts runs, each of a version of its own, on a database with two replicas. */
export async function startRaces() {
  const at = await startProcessor();
  const { database, log } = at;
  const other = createProcessor({
    ...{ database, log, encodeCall, graphs: createGraphCache(database) },
    lookups: { choose: () => undefined },
    replicaId: "replica-b",
    onCommitted: ({ calls }) => void at.calls.push(...calls),
  });
  let published = 0;
  return {
    database,
    async start(spec: VersionSpec): Promise<RacedRun> {
      published += 1;
      const version = await publish(database, `raced ${published}`, spec);
      const start = { kind: "start", start: startOf(version), cause: RPC } as const;
      const { runId } = await at.processor.submit(start);
      return new RacedRun(at, other, runId, spec);
    },
    async stop() {
      await other.stop();
      await at.stop();
    },
  };
}

/** What people ask of a run. */
export const PAUSE: Input = { kind: "pause_requested", cause: RPC, reason: "" };
export const RESUME: Input = { kind: "resume_requested", cause: RPC };
export const CANCEL: Input = { kind: "cancel_requested", cause: RPC, reason: "" };
export const COMPENSATE: Input = { kind: "compensate_requested", cause: RPC, reason: "" };
export const DEADLINE: Input = {
  kind: "deadline_passed",
  cause: { kind: "timer", id: "deadline" },
};

/** A timer of a step. */
export function due(stepIndex: number): Input {
  return { kind: "step_due", cause: { kind: "timer", id: "due" }, stepIndex };
}

/** An event of the bus about an objective. */
export function objectiveSays(id: string, state: string, more: Partial<OwnerReport> = {}): Input {
  const report = {
    owner: "objective",
    id,
    state,
    errorMessage: "",
    costUsd: 0,
    agentId: "",
  } as const;
  return { kind: "owner_reported", cause: EVENT, stepIndex: 0, report: { ...report, ...more } };
}

/** An event of the bus that a wait takes. */
export function eventComes(stepIndex: number): Input {
  const event = { ...EVENT, source: "crm", type: "came.in", subject: "", time: "", data: { n: 1 } };
  return { kind: "event_arrived", cause: EVENT, stepIndex, event };
}

function shown(reply: Reply): string {
  return reply.kind === "refused" ? `refused ${reply.from} to ${reply.to}` : reply.kind;
}

const SHIFT_RUN = `update workflow_runs set
  created_at = created_at - $2::integer * interval '1 ms',
  started_at = started_at - $2::integer * interval '1 ms',
  deadline_at = deadline_at - $2::integer * interval '1 ms'
  where id = $1`;
const SHIFT_STEPS = `update step_runs set
  started_at = started_at - $2::integer * interval '1 ms',
  completed_at = completed_at - $2::integer * interval '1 ms',
  timeout_at = timeout_at - $2::integer * interval '1 ms',
  wake_at = wake_at - $2::integer * interval '1 ms',
  due_at = due_at - $2::integer * interval '1 ms'
  where run_id = $1`;

/** Time passes for a run by moving the run's times into the past: its clock is the database's. */
async function shiftTimes(database: Database, runId: string, ms: number): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query({ name: "scenario_shift_run", text: SHIFT_RUN }, [runId, ms]);
    await tx.query({ name: "scenario_shift_steps", text: SHIFT_STEPS }, [runId, ms]);
  });
}
