/** Inputs of a batch of events on their way to the processor: workspaces take turns, and each ends alone. */
import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/runtime/refusal.ts";
import { type AimedSubmission, submitAll } from "../../src/runtime/route-submit.ts";
import type { Settled, Submission } from "../../src/runtime/submission.ts";

function aim(place: number, workspaceId: string, runId: string): AimedSubmission {
  const cause = { kind: "event", id: "e" } as const;
  const input = { kind: "step_due", cause, stepIndex: 0 } as const;
  return { place, submission: { kind: "input", runId, workspaceId, input } };
}

/** A processor that records what it is given, and refuses where the test says so. */
function recorder(refuses: (submission: Submission) => boolean = () => false) {
  const seen: string[] = [];
  return {
    seen,
    async submit(submission: Submission): Promise<Settled> {
      if (submission.kind === "start") throw new Error("no starts here");
      seen.push(submission.runId);
      if (refuses(submission)) throw new Refusal("overloaded", "full");
      return { runId: submission.runId, created: false, reply: { kind: "applied" } };
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
});
