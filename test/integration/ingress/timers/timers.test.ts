/** Timers and deadlines: fired by the database's clock, once, also those of a process that is gone. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startTimers, type Timers } from "../../../../src/ingress/timers/timers.ts";
import type { Processor } from "../../../../src/runtime/processor.ts";
import { keepEvents } from "../../../../src/store/events.ts";
import { findDue } from "../../../../src/store/service-reads/due.ts";
import { until } from "../../../support/assertions/until.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { findRunRows } from "../../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

const RPC = { kind: "rpc", id: "StartRun" } as const;
const delayedStep = (seconds: number) =>
  stepOf("pause", { stepType: "WAIT_FOR_EVENT", config: { delay_seconds: seconds } });
const delayed = (seconds: number) => versionOf([delayedStep(seconds)]);

let at: TestProcessor;
let timers: Timers | undefined;

beforeAll(async () => {
  at = await startProcessor();
});
afterAll(async () => {
  await timers?.stop();
  await at.stop();
});

async function start(name: string, spec: Parameters<typeof publish>[2]): Promise<string> {
  const version = await publish(at.database, name, spec);
  const { runId } = await at.processor.submit({
    kind: "start",
    start: startOf(version),
    cause: RPC,
  });
  return runId;
}

function ended(runId: string) {
  return until(async () => {
    const whole = await findRunRows(at.database.read, runId);
    return whole?.run.completedAtMs === undefined ? undefined : whole;
  });
}

describe("timers", () => {
  it("fire once what fell due while no replica ran, with two replicas polling", async () => {
    const runId = await start("overslept", delayed(0.3));
    await until(async () => {
      const rows = await at.database.read.query<{ due: boolean }>(
        {
          name: "is_due",
          text: "select due_at <= clock_timestamp() as due from step_runs where run_id = $1",
        },
        [runId],
      );
      return rows[0]?.due === true ? true : undefined;
    });
    timers = startTimers(at);
    const other = startTimers(at);
    const { run, steps } = await ended(runId);
    await other.stop();
    expect(run).toMatchObject({ state: "COMPLETED", seq: 2 });
    expect(steps.get(0)?.state).toBe("COMPLETED");
  });

  it("never fire early, and fire soon after", async () => {
    const runId = await start("soon", delayed(1));
    const { steps } = await ended(runId);
    const { startedAtMs = 0, completedAtMs = 0 } = steps.get(0) ?? {};
    expect(completedAtMs - startedAtMs).toBeGreaterThanOrEqual(1_000);
    expect(completedAtMs - startedAtMs).toBeLessThan(3_000);
  });

  it("leave a paused run alone until it is resumed", async () => {
    const runId = await start("paused", delayed(0.2));
    const input = (kind: "pause_requested" | "resume_requested") =>
      at.processor.submit({
        kind: "input",
        runId,
        workspaceId: "",
        input: { kind, cause: RPC, reason: "" },
      });
    await input("pause_requested");
    const later = await start("later than the paused one", delayed(0.6));
    await ended(later);
    const paused = await findRunRows(at.database.read, runId);
    expect(paused?.run.state).toBe("PAUSED");
    await input("resume_requested");
    expect((await ended(runId)).run.state).toBe("COMPLETED");
  });

  it("that fire late fire in the order of their times, a step's second one included", async () => {
    // The gate has two times, both due; those of the other steps and a deadline lie between.
    const gate = stepOf("gate", {
      stepType: "WAIT_FOR_EVENT",
      eventTypePattern: "never",
      timeoutSeconds: 3_000,
      config: { on_error: "continue" },
    });
    const wait = stepOf("wait", { stepType: "WAIT_FOR_EVENT", config: { delay_seconds: 3_000 } });
    const runIds = [
      await start("late gate", versionOf([gate, wait])),
      await start("late others", versionOf([wait, gate], [], { timeoutSeconds: 3_000 })),
    ];
    const [one = "", other = ""] = runIds;
    // As if all of them had fallen due while no replica ran. One statement, so that no round sees a part of it.
    const places = `(values ('${one}', 0, 50, 20), ('${one}', 1, null, 40), ('${other}', 0, null, 10),
      ('${other}', 1, 30, null)) as v(run_id, step, timeout, wake)`;
    const statement = `with late as (update step_runs s set
        timeout_at = now() - make_interval(secs => 100 - v.timeout),
        wake_at = now() - make_interval(secs => 100 - v.wake),
        due_at = now() - make_interval(secs => 100 - least(v.timeout, v.wake))
      from ${places} where s.run_id = v.run_id and s.step_index = v.step)
      update workflow_runs set deadline_at = now() - interval '55 seconds' where id = '${other}'`;
    await timers?.stop();
    timers = undefined;
    await at.database.transaction(({ build }) => build.execute(statement));
    const found = await findDue(at.database.read, 500, []);
    const placesOf = found.map(({ runId, stepIndex }) => [runIds.indexOf(runId), stepIndex]);
    expect(placesOf.filter(([run]) => run !== -1)).toEqual([
      [1, 0],
      [0, 0],
      [1, 1],
      [0, 1],
      [1, null],
      [0, 0],
    ]);
    // A page holds what fell due first; what did not fit into it fell due later.
    const page = await findDue(at.database.read, 2, []);
    expect(page.map(({ runId, stepIndex }) => [runIds.indexOf(runId), stepIndex])).toEqual([
      [1, 0],
      [0, 0],
    ]);
    timers = startTimers(at);
    for (const runId of runIds) await ended(runId);
  });

  it("that fill a page are followed by the next page at once", async () => {
    await timers?.stop();
    // A page is 500.
    const ids = Array.from({ length: 600 }, (_, n) => `pause_${n}`);
    const spec = versionOf(ids.map((id) => ({ ...delayedStep(3_000), id })));
    const runId = await start("pages", spec);
    const text =
      "update step_runs set due_at = now() - interval '1 ms', wake_at = now() - interval '1 ms' where run_id = $1";
    await at.database.transaction((tx) => tx.query({ name: "pages", text }, [runId]));
    // No pause of the loop ends.
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      timers = startTimers(at);
      expect((await ended(runId)).run.state).toBe("COMPLETED");
    } finally {
      vi.useRealTimers();
    }
    await timers.stop();
    timers = startTimers(at);
  });

  it("are submitted for the workspaces of their runs, which take turns", async () => {
    // Before the first of them is due, however long their starts take.
    await timers?.stop();
    const spec = versionOf([delayedStep(0.1)], [], { timeoutSeconds: 3_000 });
    const version = await publish(at.database, "turns", spec);
    const begin = (workspaceId: string) =>
      at.processor.submit({ kind: "start", start: startOf(version, { workspaceId }), cause: RPC });
    const started = await Promise.all(
      ["ws_many", "ws_many", "ws_many", "ws_one"].map((workspaceId) => begin(workspaceId)),
    );
    const late = await begin("ws_late");
    const text =
      "update workflow_runs set deadline_at = now() - interval '1 ms', continue_at = now() - interval '1 ms' where id = $1";
    await at.database.transaction((tx) => tx.query({ name: "late", text }, [late.runId]));
    const seen: string[] = [];
    const processor: Processor = {
      ...at.processor,
      submit(submission) {
        if (submission.kind === "input") {
          seen.push(`${submission.workspaceId} ${submission.input.kind}`);
        }
        return at.processor.submit(submission);
      },
    };
    timers = startTimers({ ...at, processor });
    for (const { runId } of [...started, late]) await ended(runId);
    await until(async () => seen.some((each) => each.endsWith("run_continued")) || undefined);
    const count = (line: string) => seen.filter((each) => each === line).length;
    expect([count("ws_many step_due"), count("ws_one step_due")]).toEqual([3, 1]);
    expect(count("ws_late deadline_passed")).toBe(1);
    expect(seen.filter((each) => each.startsWith(" "))).toEqual([]);
  });

  it("fail a run past its deadline", async () => {
    const task = stepOf("task", { stepType: "HUMAN_TASK", name: "task" });
    const runId = await start("deadline", versionOf([task], [], { timeoutSeconds: 1 }));
    expect((await ended(runId)).run.state).toBe("FAILED");
  });
});

describe("a wait", () => {
  const arrived = {
    workspaceId: WORKSPACE,
    source: "crm",
    type: "crm.deal.won",
    time: "",
    data: { deal: 7 },
  };
  const waits = versionOf(
    [
      stepOf("task", { stepType: "HUMAN_TASK", name: "task" }),
      stepOf("won", {
        stepType: "WAIT_FOR_EVENT",
        eventTypePattern: "crm.deal.*",
        eventSubjectPattern: "deals/7",
        config: { lookback_seconds: 3_600 },
      }),
    ],
    ["task -> won"],
  );
  const keep = (event: Partial<Parameters<typeof keepEvents>[1][number]> & { id: string }) =>
    at.database.transaction((tx) => keepEvents(tx, [{ ...arrived, subject: "deals/7", ...event }]));

  it("takes an event that was kept before it opened, of those since its run began", async () => {
    await keep({ id: "before the run" });
    const runId = await start("kept", waits);
    const events = Array.from({ length: 30 }, (_, n) => ({
      ...arrived,
      type: n === 27 ? "crm.deal.won" : "crm.contact.new.made",
      id: `kept-${n}`,
      subject: "deals/7",
    }));
    await at.database.transaction((tx) => keepEvents(tx, events));
    const input = transitioned("task", "COMPLETED");
    await at.processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
    const { run, steps } = await ended(runId);
    expect(run.state).toBe("COMPLETED");
    expect(steps.get(1)).toMatchObject({ eventId: "kept-27", output: { deal: 7 } });
  });

  it("whose look for kept events was lost with its process looks again at the next start", async () => {
    const spec = versionOf([
      stepOf("lost", {
        stepType: "WAIT_FOR_EVENT",
        eventTypePattern: "crm.deal.lost",
        config: { lookback_seconds: 3_600 },
      }),
    ]);
    const runId = await start("missed", spec);
    await keep({ id: "late", type: "crm.deal.lost" });
    const again = startTimers(at);
    expect((await ended(runId)).run.state).toBe("COMPLETED");
    await again.stop();
  });
});
