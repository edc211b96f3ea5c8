/**
 * Answers have at most 3.5 MiB, say what they leave out, and what they leave out can be read one by one.
 */
import { randomBytes } from "node:crypto";
import { type DescMessage, type MessageShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PayloadKind, Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  GetRunResponseSchema,
  HandleTriggerResponseSchema,
  ListDefinitionsResponseSchema,
  ListRunsResponseSchema,
  ListVersionsResponseSchema,
  PauseRunResponseSchema,
  StartRunResponseSchema,
  StepRunState,
  StepType,
  TransitionStepResponseSchema,
  TriggerType,
  type WorkflowRun,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { holdingLoop } from "../support/assertions/loop-watchdog.ts";
import { findRunRows } from "../support/histories/stored-run.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const ANSWER_BYTES = 3.5 * 1024 * 1024;
const OMITTED = "workflows-payloads-omitted";
const LARGE = "x".repeat(250 * 1024);
const { INPUT, OUTPUT } = PayloadKind;

let service: RpcService;
let runs: Client<typeof Runs>;
let names = 0;
beforeAll(async () => {
  service = await startRpcService();
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  runs = createClient(Runs, transport);
});
afterAll(() => service.stop());

const step = (id: string, stepType: StepType, more: object = {}) => ({
  id,
  name: id,
  stepType,
  ...more,
});
const branch = (id: string) => step(id, StepType.BRANCH);
const note = (id: string) => step(id, StepType.NOTIFICATION, { notificationChannel: "slack" });
const task = (id: string) => step(id, StepType.HUMAN_TASK);
const lineOf = (ids: string[]) =>
  ids.slice(1).map((toStepId, at) => ({ fromStepId: ids[at] ?? "", toStepId }));

async function publish(version: object, workspaceId = `ws_${++names}`): Promise<string> {
  const { definition } = await service.client.createDefinition({
    workspaceId,
    name: `n${++names}`,
  });
  const definitionId = definition?.id ?? "";
  await service.client.publishVersion({ definitionId, ...version });
  return definitionId;
}

/** What an answer's headers say, and its size in both encodings. */
async function measured<Desc extends DescMessage>(
  desc: Desc,
  call: (options: CallOptions) => Promise<MessageShape<Desc>>,
  headers: Record<string, string> = {},
) {
  let answered = new Headers();
  const answer = await call({
    headers,
    onHeader: (header) => {
      answered = header;
    },
  });
  return {
    answer,
    bytes: holdingLoop(() => toBinary(desc, answer).length),
    jsonBytes: holdingLoop(() => Buffer.byteLength(toJsonString(desc, answer))),
    omitted: Number(answered.get(OMITTED) ?? 0),
    named: (answered.get(`${OMITTED}-steps`) ?? "").split(","),
  };
}

function expectSmall({ bytes, jsonBytes }: { bytes: number; jsonBytes: number }): void {
  expect(bytes).toBeLessThanOrEqual(ANSWER_BYTES);
  expect(jsonBytes).toBeLessThanOrEqual(ANSWER_BYTES);
}

function payloadsOf(run: WorkflowRun | undefined): number {
  const all = [run, ...(run?.steps ?? [])];
  return all.flatMap((one) => [one?.inputPayload, one?.outputPayload]).filter(Boolean).length;
}

describe("a line of 400 steps that pass 250 KiB on, beside a task", () => {
  const ids = Array.from({ length: 400 }, (_, at) => `s${at}`);
  let definitionId = "";
  let runId = "";
  let started: Awaited<ReturnType<typeof start>>;
  const start = (key = "line") =>
    measured(
      StartRunResponseSchema,
      (options) =>
        service.client.startRun({ definitionId, inputPayload: { text: LARGE } }, options),
      { "Idempotency-Key": key },
    );
  beforeAll(async () => {
    const steps = [...ids.map(branch), task("end"), task("t")];
    definitionId = await publish({ steps, edges: lineOf([...ids, "end"]) });
    started = await start();
    runId = started.answer.run?.id ?? "";
  });

  test("StartRun is answered in 3.5 MiB, and says what is left out", () => {
    expectSmall(started);
    const shown = payloadsOf(started.answer.run);
    // The run's input, an input and an output of each step of the line, inputs of both tasks.
    expect(shown + started.omitted).toBe(803);
    // No payload is left out that would have fitted.
    expect(shown).toBe(13);
    expect(started.named).toContain("s399");
    expect(started.named).toContain("$run");
  });

  test("outputs stay before inputs of their size", () => {
    const steps = started.answer.run?.steps ?? [];
    expect(steps.filter(({ inputPayload }) => inputPayload)).toEqual([]);
    expect(steps.filter(({ outputPayload }) => outputPayload)).toHaveLength(13);
  });

  test("a repeat by Idempotency-Key has the same answer and headers", async () => {
    const again = await start();
    expect(again.answer).toEqual(started.answer);
    expect([again.omitted, again.named]).toEqual([started.omitted, started.named]);
  });

  test("GetRun and lifecycle calls too", async () => {
    const read = await measured(GetRunResponseSchema, (options) =>
      service.client.getRun({ id: runId }, options),
    );
    expectSmall(read);
    expect(read.omitted).toBe(started.omitted);
    const paused = await measured(PauseRunResponseSchema, (options) =>
      service.client.pauseRun({ id: runId }, options),
    );
    expectSmall(paused);
    expect(paused.omitted).toBe(started.omitted);
    await service.client.resumeRun({ id: runId });
  });

  test("what is left out is read one by one", async () => {
    for (const stepId of ["", "s0", "s399", "t"]) {
      const { payload } = await runs.getPayload({ runId, stepId, kind: INPUT });
      expect(payload?.text).toBe(LARGE);
    }
    const { payload } = await runs.getPayload({ runId, stepId: "s399", kind: OUTPUT });
    expect(payload).toEqual({ text: LARGE, selected_edge: "" });
  });

  test("a missing payload is unset", async () => {
    expect((await runs.getPayload({ runId, stepId: "t", kind: OUTPUT })).payload).toBeUndefined();
    expect((await runs.getPayload({ runId, kind: OUTPUT })).payload).toBeUndefined();
  });

  test("the answer costs little: what is left out is neither read nor merged", async () => {
    const before = process.cpuUsage();
    await service.client.getRun({ id: runId });
    const { user, system } = process.cpuUsage(before);
    // Server and client are this process; 205 MB took 3 s.
    expect((user + system) / 1000).toBeLessThan(1_000);
  });

  test("TransitionStep is answered with its step, which stands in it twice", async () => {
    const outputPayload = { done: "y".repeat(200 * 1024) };
    const moved = await measured(TransitionStepResponseSchema, (options) =>
      service.client.transitionStep(
        { runId, stepId: "t", state: StepRunState.COMPLETED, outputPayload },
        options,
      ),
    );
    expectSmall(moved);
    expect(moved.omitted).toBeGreaterThan(700);
    expect(moved.answer.step).toMatchObject({ state: StepRunState.COMPLETED, outputPayload });
    expect(moved.answer.run?.steps.find(({ stepId }) => stepId === "t")).toEqual(moved.answer.step);
  });
});

describe("60 tasks with outputs that do not compress", () => {
  let runId = "";
  const outputs = Array.from({ length: 60 }, () => randomBytes(120 * 1024).toString("hex"));
  beforeAll(async () => {
    const ids = outputs.map((_, at) => `t${at}`);
    const definitionId = await publish({ steps: ids.map(task) });
    const { run } = await service.client.startRun({ definitionId, inputPayload: { small: 1 } });
    runId = run?.id ?? "";
    await service.database.transaction((tx) =>
      tx.query(
        {
          name: "test_store_outputs",
          text: `update step_runs s set completed_at = now(), output = jsonb_build_object('own', v.text)
            from unnest($2::text[]) with ordinality as v(text, at)
            where s.run_id = $1 and s.step_index = v.at - 1`,
        },
        [runId, outputs],
      ),
    );
  });

  test("what is left out is not read from the store", async () => {
    const rows = await findRunRows(service.database.read, runId);
    const read = [...(rows?.steps.values() ?? [])].flatMap(({ output }) => output ?? []);
    expect(read).toHaveLength(17);
    expect(rows?.missing.outputs.size).toBe(43);
    expect(rows?.missing.runInput).toBe(false);
  });

  test("the small inputs stay, the large outputs go", async () => {
    const read = await measured(GetRunResponseSchema, (options) =>
      service.client.getRun({ id: runId }, options),
    );
    expectSmall(read);
    const steps = read.answer.run?.steps ?? [];
    expect(steps.filter(({ inputPayload }) => inputPayload?.small === 1)).toHaveLength(60);
    expect(steps.filter(({ outputPayload }) => outputPayload)).toHaveLength(60 - read.omitted);
    expect(read.omitted).toBe(46);
    expect(read.named).toHaveLength(46);
    const { payload } = await runs.getPayload({ runId, stepId: read.named[0] ?? "", kind: OUTPUT });
    expect(outputs).toContain(payload?.own);
  });
});

test("long error texts of 1,000 steps are cut, and can be read whole", async () => {
  const ids = Array.from({ length: 1_000 }, (_, at) => `t${at}`);
  const definitionId = await publish({ steps: ids.map(task) });
  const { run } = await service.client.startRun({ definitionId });
  const runId = run?.id ?? "";
  await service.database.transaction((tx) =>
    tx.query(
      {
        name: "test_store_errors",
        text: `update step_runs set error_message = repeat('é', 16000) where run_id = $1`,
      },
      [runId],
    ),
  );
  const read = await measured(GetRunResponseSchema, (options) =>
    service.client.getRun({ id: runId }, options),
  );
  expectSmall(read);
  expect(read.omitted).toBe(0);
  expect(read.answer.run?.steps.every(({ errorMessage }) => /^é{200,}…$/.test(errorMessage))).toBe(
    true,
  );
  const { errorMessage } = await runs.getPayload({ runId, stepId: "t999", kind: INPUT });
  expect(errorMessage).toBe("é".repeat(16_000));
});

test("HandleTrigger that starts 40 runs with a large input is answered in 3.5 MiB", async () => {
  const workspaceId = `ws_${++names}`;
  const trigger = { triggerType: TriggerType.EVENT, eventType: "made" };
  for (let at = 0; at < 40; at += 1) {
    await publish(
      { steps: [note("a"), task("b")], edges: lineOf(["a", "b"]), trigger },
      workspaceId,
    );
  }
  const { answer, omitted, named, ...sizes } = await measured(
    HandleTriggerResponseSchema,
    (options) =>
      service.client.handleTrigger(
        { workspaceId, ...trigger, inputPayload: { text: LARGE } },
        options,
      ),
  );
  expectSmall(sizes);
  expect(answer.startedRuns).toHaveLength(40);
  expect(answer.startedRuns.every(({ steps }) => steps.length === 2)).toBe(true);
  const shown = answer.startedRuns.reduce((sum, run) => sum + payloadsOf(run), 0);
  // Of each run its input, two of the notification, the task's input.
  expect(shown + omitted).toBe(160);
  expect(named).toContain(`${answer.startedRuns[39]?.id}/$run`);
});

describe("lists", () => {
  test("ListRuns leaves out the steps of the last runs", async () => {
    const workspaceId = `ws_${++names}`;
    const ids = Array.from({ length: 1_000 }, (_, at) => `a-step-with-some-name-${at}`);
    const definitionId = await publish({ steps: ids.map(task) }, workspaceId);
    await service.client.startRun({ definitionId });
    await copyRun(definitionId, 99);
    const { answer, omitted, ...sizes } = await measured(ListRunsResponseSchema, (options) =>
      service.client.listRuns({ workspaceId, limit: 500 }, options),
    );
    expectSmall(sizes);
    expect(answer.runs).toHaveLength(100);
    expect(answer.total).toBe(100);
    const bare = answer.runs.filter(({ steps }) => steps.length === 0);
    expect(bare).toHaveLength(omitted);
    expect(omitted).toBeGreaterThan(50);
    expect(answer.runs[0]?.steps).toHaveLength(1_000);
    expect(answer.runs.every(({ id }) => id !== "")).toBe(true);
  });

  test("ListVersions keeps the newest whole", async () => {
    const config = { instructions: randomBytes(120 * 1024).toString("hex") };
    const steps = ["a", "b", "c", "d"].map((id) => ({ ...task(id), config }));
    const edges = lineOf(["a", "b", "c", "d"]);
    const definitionId = await publish({ steps, edges });
    for (let version = 2; version <= 6; version += 1) {
      await service.client.publishVersion({ definitionId, steps, edges });
    }
    const { answer, omitted, named, ...sizes } = await measured(
      ListVersionsResponseSchema,
      (options) => service.client.listVersions({ definitionId }, options),
    );
    expectSmall(sizes);
    const { versions } = answer;
    expect(versions.map(({ version }) => version)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(versions.map(({ steps: graph }) => graph.length)).toEqual([4, 4, 4, 0, 0, 0]);
    expect(versions.map(({ edges: graph }) => graph.length)).toEqual([3, 3, 3, 0, 0, 0]);
    expect(omitted).toBe(3);
    expect(named).toEqual(versions.slice(3).map(({ id }) => id));
  });

  test("ListDefinitions leaves out descriptions and tags of the last ones", async () => {
    const workspaceId = `ws_${++names}`;
    await service.database.transaction((tx) =>
      tx.query(
        {
          name: "test_store_definitions",
          text: `insert into workflow_definitions (id, workspace_id, name, description, tags)
            select 'wf_many_' || n, $1, 'n' || n, repeat('d', 4000),
              array(select n || repeat('t', 100) || i from generate_series(1, 60) i)
            from generate_series(1, 500) n`,
        },
        [workspaceId],
      ),
    );
    const { answer, omitted, ...sizes } = await measured(ListDefinitionsResponseSchema, (options) =>
      service.client.listDefinitions({ workspaceId, limit: 500 }, options),
    );
    expectSmall(sizes);
    expect(answer.definitions).toHaveLength(500);
    expect(answer.definitions.filter(({ tags }) => tags.length === 0)).toHaveLength(omitted);
    expect(omitted).toBeGreaterThan(100);
    expect(answer.definitions[0]?.tags).toHaveLength(60);
  });

  test("that wait for the database block no other read", async () => {
    const definitionId = await publish({ steps: [task("a")] });
    const { run } = await service.client.startRun({ definitionId });
    const settled: string[] = [];
    let lists: Promise<unknown>[] = [];
    await service.database.transaction(async (tx) => {
      await tx.query({ name: "test_lock", text: "lock table workflow_definitions" }, []);
      lists = Array.from({ length: 30 }, () =>
        service.client.listDefinitions({ workspaceId: "w" }).then(
          () => settled.push("list"),
          () => settled.push("list"),
        ),
      );
      await waitingOnLock(tx);
      await service.client.getRun({ id: run?.id ?? "" });
      settled.push("run");
      await service.database.read.query({ name: "test_ping", text: "select 1" }, []);
      settled.push("ready");
    });
    await Promise.all(lists);
    expect(settled.slice(0, 2)).toEqual(["run", "ready"]);
  });
});

describe("GetPayload", () => {
  test("says what is wrong with a request", async () => {
    const unset = await refusedBy(runs.getPayload({}));
    expect([unset.code, unset.fields]).toEqual(["InvalidArgument", ["run_id", "kind"]]);
    const unknown = await refusedBy(runs.getPayload({ runId: "wfr_none", kind: INPUT }));
    expect(unknown.code).toBe("NotFound");
    const definitionId = await publish({ steps: [task("a")] });
    const { run } = await service.client.startRun({ definitionId });
    const runId = run?.id ?? "";
    const noStep = await refusedBy(runs.getPayload({ runId, stepId: "b", kind: INPUT }));
    expect(noStep.code).toBe("NotFound");
  });

  test("gives what GetRun gives, of every type that is merged", async () => {
    const steps = [
      step("fork", StepType.PARALLEL),
      task("left"),
      note("right"),
      step("pick", StepType.BRANCH, { conditionExpr: "input.n" }),
      step("told", StepType.HUMAN_TASK, { config: { input: { n: "{{ n }}" } } }),
    ];
    const edges = [
      { fromStepId: "fork", toStepId: "left" },
      { fromStepId: "fork", toStepId: "right" },
      { fromStepId: "fork", toStepId: "pick", label: "joined" },
      { fromStepId: "pick", toStepId: "told" },
    ];
    const definitionId = await publish({ steps, edges });
    const { run } = await service.client.startRun({ definitionId, inputPayload: { n: 1, m: 2 } });
    const runId = run?.id ?? "";
    for (const stepId of ["left", "told"]) {
      const outputPayload = { by: stepId, n: 3 };
      await service.client.transitionStep({
        runId,
        stepId,
        state: StepRunState.COMPLETED,
        outputPayload,
      });
    }
    const { run: done } = await service.client.getRun({ id: runId });
    expect(done?.outputPayload).toEqual({ by: "told", n: 3, m: 2 });
    for (const one of [{ ...done, stepId: "" }, ...(done?.steps ?? [])]) {
      const about = { runId, stepId: one.stepId };
      expect((await runs.getPayload({ ...about, kind: INPUT })).payload).toEqual(one.inputPayload);
      expect((await runs.getPayload({ ...about, kind: OUTPUT })).payload).toEqual(
        one.outputPayload,
      );
    }
  });
});

/** Stores `copies` further runs of the definition's only run. */
async function copyRun(definitionId: string, copies: number): Promise<void> {
  await service.database.transaction((tx) =>
    tx.query(
      {
        name: "test_copy_run",
        text: `insert into workflow_runs
          select (jsonb_populate_record(r, jsonb_build_object('id', r.id || '_' || n))).*
          from workflow_runs r, generate_series(1, $2) n where r.definition_id = $1`,
      },
      [definitionId, copies],
    ),
  );
}

/** Resolves once a query waits for a lock. */
async function waitingOnLock(tx: {
  query: RpcService["database"]["read"]["query"];
}): Promise<void> {
  for (;;) {
    const waiting = await tx.query(
      {
        name: "test_waiting",
        text: `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      },
      [],
    );
    if (waiting.length > 0) return;
  }
}
