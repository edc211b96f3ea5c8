/** Ends of objects that events bring after their step or its attempt has ended: each leaves one row in the history, and changes nothing else. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BusEvent, ObjectReport } from "../../src/engine/values/event.ts";
import { startReportSweep } from "../../src/ingress/timers/missed-reports.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { routeEvents } from "../../src/runtime/routing/route-event.ts";
import { insertEarlyReports } from "../../src/store/events.ts";
import { listMissedReports } from "../../src/store/service-reads/early-reports.ts";
import { until } from "../support/assertions/until.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { WORKSPACE } from "../support/services/processor.ts";
import { CANCEL, due, type RacedRun, startRaces } from "../support/services/races.ts";

const FOUND = { kind: "look_up", resolution: { agentId: "a1", skillId: "" } } as const;
const created = (objectiveId: string) => ({ kind: "create_objective", objectiveId }) as const;
const AGENT = versionOf([stepOf("work")]);
const TIMED = versionOf([stepOf("work", { timeoutSeconds: 60 })]);
const RETRIED = versionOf([
  stepOf("work", {
    timeoutSeconds: 60,
    retryPolicy: { maxRetries: 2, backoffSeconds: 60, backoffMultiplier: 1 },
  }),
]);
const GATE = versionOf([
  stepOf("work", {
    ...{ stepType: "APPROVAL_GATE", actionType: "buy" },
    config: { approvers: ["ann", "bob", "cid"] },
  }),
]);

let races: Awaited<ReturnType<typeof startRaces>>;
beforeAll(async () => {
  races = await startRaces();
});
afterAll(() => races.stop());

/** A run whose step has an objective, which only the database knows of: another replica took the reply. */
async function startWorking(spec: typeof AGENT, objectiveId: string): Promise<RacedRun> {
  const run = await races.start(spec);
  await run.put(run.returned(FOUND));
  await run.put(run.returned(created(objectiveId)), run.other);
  return run;
}

function ownerSays(id: string, state: string, costUsd = 5): ObjectReport {
  const more = { output: { done: true }, errorMessage: "", costUsd, agentId: "" };
  return { kind: "owner", report: { owner: "objective", id, state, ...more } };
}

function decided(requestId: string): ObjectReport {
  const more = { reason: "", digest: "", decidedBy: "ann" };
  return { kind: "approval", report: { requestId, decision: "APPROVED", ...more } };
}

let events = 0;

/** Handles these reports, each as an event of its own. */
async function come(run: RacedRun, ...reports: readonly ObjectReport[]): Promise<void> {
  const { database, processor, log } = run.at;
  const arrived = reports.map((report): BusEvent => {
    events += 1;
    const type = "objectives.changes.objective.transition";
    return {
      ...{ workspaceId: WORKSPACE, id: `late-${events}`, source: "owner", type, subject: type },
      ...{ time: "", data: {}, actorAgentId: "", hops: 0, report },
    };
  });
  const deps = { database, processor, log, graphs: createGraphCache(database) };
  const routed = await routeEvents(deps, arrived);
  for (const each of routed) if (!each.ok) throw each.error;
}

const noted = async (run: RacedRun) =>
  (await run.history()).filter((what) => what === "work.ignored").length;

describe("an end that comes by an event", () => {
  it("of a cancelled step's objective is noted once, without cost", async () => {
    const run = await startWorking(AGENT, "o-cancelled");
    await run.put(CANCEL);
    await come(run, ownerSays("o-cancelled", "RUNNING"), ownerSays("o-cancelled", "COMPLETED"));
    expect(await noted(run)).toBe(1);
    await come(run, ownerSays("o-cancelled", "COMPLETED"));
    await come(run, ownerSays("o-cancelled", "FAILED"), ownerSays("o-cancelled", "COMPLETED"));
    expect(await noted(run)).toBe(1);
    expect(await run.shown()).toBe("CANCELLED: work CANCELLED");
  });

  it("and only answers the cancel that the step's end requested is not noted", async () => {
    const run = await startWorking(AGENT, "o-answers");
    await run.put(CANCEL);
    await come(run, ownerSays("o-answers", "CANCELLED"));
    expect(await noted(run)).toBe(0);
  });

  it("and came before its object was known, which a cancel overtook, is noted once", async () => {
    const run = await races.start(AGENT);
    await run.put(run.returned(FOUND));
    await come(run, ownerSays("o-early", "COMPLETED"));
    await run.race("in one batch", run.returned(created("o-early")), CANCEL);
    await until(async () => ((await noted(run)) === 1 ? true : undefined));
    expect(await run.shown()).toBe("CANCELLED: work CANCELLED");
  });

  it("of the objective of a step that timed out is noted once", async () => {
    const run = await startWorking(TIMED, "o-timed-out");
    await run.timePasses(61);
    await run.put(due(0));
    for (const _ of [1, 2]) await come(run, ownerSays("o-timed-out", "COMPLETED"));
    expect(await noted(run)).toBe(1);
    expect(await run.shown()).toBe("FAILED: work FAILED");
  });

  it("of an attempt that another one has followed is noted once, while that one goes on and after it", async () => {
    const run = await startWorking(RETRIED, "o-first");
    await run.timePasses(120);
    await run.put(due(0));
    await come(run, ownerSays("o-first", "RUNNING"));
    for (const _ of [1, 2]) await come(run, ownerSays("o-first", "COMPLETED"));
    expect(await noted(run)).toBe(1);
    await run.timePasses(120);
    await run.put(due(0));
    await run.put(run.returned(FOUND));
    await run.put(run.returned(created("o-second")), run.other);
    await run.timePasses(120);
    await run.put(due(0));
    await come(run, ownerSays("o-second", "COMPLETED"), ownerSays("o-first", "COMPLETED"));
    expect(await noted(run)).toBe(2);
    await run.timePasses(120);
    await run.put(due(0));
    await run.put(run.returned(FOUND));
    await run.put(run.returned(created("o-third")), run.other);
    await come(run, ownerSays("o-third", "COMPLETED", 2));
    for (const id of ["o-first", "o-second", "o-third"])
      await come(run, ownerSays(id, "COMPLETED"));
    expect(await noted(run)).toBe(2);
    expect(await run.shown()).toBe("COMPLETED: work COMPLETED, 2 USD");
  });

  it("of an attempt is noted after its step has ended", async () => {
    const run = await startWorking(RETRIED, "o-left");
    await run.timePasses(61);
    await run.put(due(0));
    await run.put(CANCEL);
    for (const _ of [1, 2]) await come(run, ownerSays("o-left", "COMPLETED"));
    expect(await noted(run)).toBe(1);
    expect(await run.shown()).toBe("CANCELLED: work CANCELLED");
  });

  it("of an object that a late reply names is noted beside the reply", async () => {
    const run = await races.start(AGENT);
    await run.put(run.returned(FOUND));
    const reply = run.returned(created("o-late"));
    await run.put(CANCEL);
    await run.put(reply, run.other);
    expect(await noted(run)).toBe(1);
    for (const _ of [1, 2]) await come(run, ownerSays("o-late", "COMPLETED"));
    expect(await noted(run)).toBe(2);
    expect(await run.shown()).toBe("CANCELLED: work CANCELLED");
  });

  it("and was kept is found by a sweep where the replica that was to look for it died", async () => {
    const run = await startWorking(AGENT, "o-kept");
    await run.put(CANCEL);
    const { database, processor, log } = run.at;
    const report = ownerSays("o-kept", "COMPLETED");
    await insertEarlyReports(database.write, [
      { workspaceId: WORKSPACE, objectId: "o-kept", eventId: "kept", report },
    ]);
    const sweep = startReportSweep({ database, processor, log });
    await until(async () => ((await noted(run)) === 1 ? true : undefined));
    await sweep.stop();
    const page = await listMissedReports(database.read, 0, 1e9, 500);
    expect(page.missed.filter(({ runId }) => runId === run.id)).toEqual([]);
  });

  it("and ended the attempt is not noted when it comes again", async () => {
    const run = await startWorking(AGENT, "o-failed");
    for (const _ of [1, 2]) await come(run, ownerSays("o-failed", "FAILED", 0));
    expect(await run.shown()).toBe("FAILED: work FAILED");
    expect(await noted(run)).toBe(0);
  });

  it("of each open request of a cancelled gate is noted once", async () => {
    const run = await races.start(GATE);
    const asked = run.issued("request_approval");
    for (const [place, input] of asked.entries()) {
      await run.put(
        input({ kind: "request_approval", requestId: `r-${place}`, autoApproved: false }),
      );
    }
    await come(run, decided("r-0"));
    await run.put(CANCEL);
    for (const _ of [1, 2]) await come(run, decided("r-0"), decided("r-1"), decided("r-2"));
    expect(await noted(run)).toBe(2);
    expect(await run.shown()).toBe("CANCELLED: work CANCELLED");
  });
});
