/** Inputs of a batch of events on their way to the processor: workspaces take turns, and each ends alone. */
import { describe, expect, it } from "vitest";
import { Refusal } from "../../../../src/process/refusal.ts";
import { type AimedSubmission, submitAll } from "../../../../src/runtime/routing/route-submit.ts";
import type { RunStart, Settled, Submission } from "../../../../src/runtime/submission.ts";

function aim(place: number, workspaceId: string, runId: string): AimedSubmission {
  const cause = { kind: "event", id: "e" } as const;
  const input = { kind: "step_due", cause, stepIndex: 0 } as const;
  return { place, submission: { kind: "input", runId, workspaceId, input } };
}

/** A start whose run is called `runId` here. */
function aimStart(place: number, workspaceId: string, runId: string): AimedSubmission {
  const start: RunStart = {
    definitionId: "wf",
    versionId: "v",
    definitionVersion: 1,
    workspaceId,
    triggerType: "EVENT",
    triggerEventId: "e",
    triggerSource: "",
    initiatorAgentId: "",
    initiatorUserId: "",
    parentRunId: "",
    entityId: runId,
    entityType: "",
    hops: 0,
    input: {},
  };
  return { place, submission: { kind: "start", start, cause: { kind: "event", id: "e" } } };
}

/** A processor that records what it is given, and refuses where the test says so. */
function recorder(refuses: (submission: Submission) => boolean = () => false) {
  const seen: string[] = [];
  return {
    seen,
    async submit(submission: Submission): Promise<Settled> {
      const isStart = submission.kind === "start";
      const runId = isStart ? submission.start.entityId : submission.runId;
      seen.push(runId);
      if (refuses(submission)) throw new Refusal("overloaded", "full");
      return { runId, created: isStart, reply: { kind: "applied" } };
    },
  };
}

const many = (workspaceId: string) =>
  Array.from({ length: 3_000 }, (_, n) => aim(0, workspaceId, `${workspaceId}-${n}`));

describe("inputs of a batch of events", () => {
  it("of a workspace with one are in the first chunk, behind an event for thousands of runs", async () => {
    const processor = recorder();
    await submitAll(processor, [...many("big"), aim(1, "small", "alone")], 2, () => true);
    expect(processor.seen.indexOf("alone")).toBeLessThan(2);
    const big = processor.seen.filter((runId) => runId !== "alone");
    expect(big).toEqual(
      many("big").map(({ submission }) => submission.kind === "input" && submission.runId),
    );
  });

  it("of one workspace end with its full lane, those of another go on", async () => {
    const processor = recorder(
      (submission) => submission.kind === "input" && submission.workspaceId === "big",
    );
    const aimed = [...many("big"), ...many("small").map((each) => ({ ...each, place: 1 }))];
    const [big, small] = await submitAll(processor, aimed, 2, () => true);
    expect(processor.seen.filter((runId) => runId.startsWith("big"))).toHaveLength(250);
    expect(big?.errors).toHaveLength(3_000);
    expect(small).toMatchObject({ errors: [], updatedRunIds: { length: 3_000 } });
  });

  it("that start runs take turns like the others", async () => {
    const processor = recorder();
    const starts = Array.from({ length: 3_000 }, (_, n) => aimStart(0, "big", `big-${n}`));
    const outcomes = await submitAll(
      processor,
      [...starts, aimStart(1, "small", "alone")],
      2,
      () => true,
    );
    expect(processor.seen.indexOf("alone")).toBeLessThan(2);
    expect(outcomes[1]).toMatchObject({ startedRunIds: ["alone"], updatedRunIds: [] });
  });

  it("all go on after an error that ends no batch, and a run is named once an event", async () => {
    const processor = recorder(
      (submission) => submission.kind === "input" && submission.runId === "big-0",
    );
    const aimed = [...many("big"), aim(0, "big", "big-1"), aim(1, "big", "big-1")];
    const [first, second] = await submitAll(processor, aimed, 2, () => false);
    expect(processor.seen).toHaveLength(3_002);
    expect(first?.errors).toHaveLength(1);
    expect(first?.updatedRunIds).toHaveLength(2_999);
    expect(second?.updatedRunIds).toEqual(["big-1"]);
  });
});
