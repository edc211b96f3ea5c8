import { expect, test } from "vitest";
import { type StatusFacts, workflowStatus } from "../../../../src/engine/values/workflow-status.ts";

/** Of each status what makes it, in the order in which they are looked for. */
const FACTS: readonly (readonly [status: string, facts: Partial<StatusFacts>, reason: RegExp])[] = [
  ["ARCHIVED", { archivedAt: new Date(0) }, /archived at 1970/],
  ["PAUSED", { paused: "It waits." }, /waits/],
  ["PENDING_APPROVAL", { pendingDeployment: "Ann is asked." }, /Ann/],
  ["FAILED", { failures: ["No agent.", "No tool."], deployedVersion: 2 }, /No agent/],
  ["DEPLOYED", { deployedVersion: 2 }, /Version 2/],
  ["DRAFT", { hasDraft: true }, /draft is not published/],
];
const NONE: StatusFacts = { deployedVersion: 0, hasDraft: false };

test.each(FACTS)("%s has its reason, and comes before those below it", (status, facts, reason) => {
  const below = FACTS.slice(FACTS.findIndex(([each]) => each === status));
  const all: StatusFacts = Object.assign({}, NONE, ...below.map(([, each]) => each).reverse());
  for (const each of [
    { ...NONE, ...facts },
    { ...all, ...facts },
  ]) {
    const found = workflowStatus(each);
    expect(found.status).toBe(status);
    expect(found.reasons.join(" ")).toMatch(reason);
  }
});

test("a workflow of which nothing is known is a DRAFT, whatever would fail", () => {
  expect(workflowStatus(NONE)).toEqual({
    ...{ status: "DRAFT", reasons: ["No version of it is published."] },
  });
  expect(workflowStatus({ ...NONE, failures: ["No agent."] }).status).toBe("DRAFT");
});
