import { expect, test } from "vitest";
import { judge, type Known } from "../../../../src/egress/health/judge.ts";
import { needsOf } from "../../../../src/engine/steps/version-needs.ts";
import { readWorkflowFile } from "../../../../src/file/read-file.ts";
import type { FailedStart } from "../../../../src/store/service-reads/deployed-workflows.ts";

const WORKFLOW = {
  ...{ definitionId: "wf_1", workspaceId: "ws", versionId: "v_1", environment: "production" },
};
const ALL: Known = {
  ...{ isConfigured: () => true, hasAgent: () => true, hasCapability: () => true },
  hasWorkflow: () => true,
};
const AGENT = "  pay: { agent: a, timeout: 1d }\n";
const SEND = "  send: { notify: slack, body: B }\n";

function needs(steps: string) {
  const text = `workflow: w\non: manual\nsteps:\n${steps}`;
  const { workflow, faults } = readWorkflowFile(Buffer.from(text));
  if (workflow === undefined) throw new Error(faults.map(({ message }) => message).join());
  return needsOf(workflow.spec);
}

function reasonsOf(steps: string, known: Partial<Known>, starts: readonly FailedStart[] = []) {
  return judge(WORKFLOW, needs(steps), starts, { ...ALL, ...known });
}

/** So many starts that failed, newest first. */
function starts(count: number, more: Partial<FailedStart> = {}): FailedStart[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ definitionId: "wf_1", versionId: "v_1", environment: "production" },
    ...{ runId: `run_${n}`, failedSteps: [0], message: "no money", ...more },
  }));
}

const lacks = (...names: string[]): Partial<Known> => ({
  isConfigured: (name) => !names.includes(name),
});

test.each([
  ["nothing is missing", AGENT, {}, []],
  ["no agent is there", AGENT, lacks("agents", "registry"), []],
  ["the objectives service is unset", AGENT, lacks("objectives"), ["set OBJECTIVES_URL"]],
  [
    "neither service of a capability is set",
    "  pay: { capability: payments }\n",
    lacks("agents", "registry"),
    ["set REGISTRY_URL or AGENTS_URL", "set AGENTS_URL"],
  ],
  [
    "the approvals service is unset",
    "  ok: { approve: A, action: pay, by: ann, timeout: 1d }\n",
    lacks("approvals"),
    ["set APPROVALS_URL"],
  ],
  ["a notification that nobody waits for cannot be sent", SEND, lacks("notifications"), []],
  [
    "a worker does the step",
    "  pay: { queue: q, timeout: 1d }\n",
    lacks("objectives", "agents", "registry"),
    [],
  ],
  ["the agent is unknown", AGENT, { hasAgent: () => false }, ['no agent "a"']],
  [
    "no agent has the capability",
    "  pay: { capability: payments }\n",
    { hasCapability: () => false },
    ['No agent has the capability "payments"'],
  ],
  [
    "a workflow that it starts is gone",
    "  call: { run: child }\n  again: { run: child }\n",
    { hasWorkflow: (workspaceId: string) => workspaceId !== "ws" },
    ['"call" starts the workflow "child", which is not there'],
  ],
] as const)("%s", (_, steps, known, parts) => {
  const { reasons } = reasonsOf(steps, known);
  expect(reasons).toHaveLength(parts.length);
  for (const [at, part] of parts.entries()) expect(reasons[at]).toContain(part);
});

test("who does not answer about an agent leaves it open, and blames nobody", () => {
  const found = reasonsOf(AGENT, { hasAgent: () => undefined });
  expect(found).toEqual({ reasons: [], isPartial: true });
});

test.each([
  ["five at the first step", starts(5), 1],
  ["four", starts(4), 0],
  ["five at a later step", starts(5, { failedSteps: [1] }), 0],
  ["one of them of another version", [...starts(4), ...starts(1, { versionId: "v_0" })], 0],
  ["one of them in another environment", [...starts(4), ...starts(1, { environment: "qa" })], 0],
])("starts that failed: %s", (_, failed, count) => {
  const { reasons } = reasonsOf(AGENT.replace("1d", "1d, next: send") + SEND, {}, failed);
  expect(reasons).toHaveLength(count);
  if (count > 0) expect(reasons[0]).toMatch(/first step "pay" \(no money\): look at run run_0 /);
});
