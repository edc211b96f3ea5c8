/** Ends of objects that events bring after their step has ended: each leaves one row in the history, and changes nothing else. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BusEvent, ObjectReport } from "../../src/engine/values/event.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { routeEvents } from "../../src/runtime/routing/route-event.ts";
import { until } from "../support/assertions/until.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { WORKSPACE } from "../support/services/processor.ts";
import { CANCEL, due, type RacedRun, startRaces } from "../support/services/races.ts";

const FOUND = { kind: "look_up", resolution: { agentId: "a1", skillId: "" } } as const;
const created = (objectiveId: string) => ({ kind: "create_objective", objectiveId }) as const;
const AGENT = versionOf([stepOf("work")]);
const TIMED = versionOf([stepOf("work", { timeoutSeconds: 60 })]);
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
