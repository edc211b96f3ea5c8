/** Differences between versions, and that there are none exactly where the digests are equal. */
import { describe, expect, it } from "vitest";
import type { VersionSpec } from "../../../../src/engine/values/definition.ts";
import { versionDigest } from "../../../../src/engine/values/digest.ts";
import { diffVersions } from "../../../../src/engine/values/version-diff.ts";
import { readWorkflowFile } from "../../../../src/file/read-file.ts";

const TEXT = `workflow: w
timeout: 1d
steps:
  size: { branch: input.n > 1, then: { true: ask, false: pay } }
  ask: { approve: Ask, action: pay, risk: high, by: [ann], timeout: 1h, next: pay }
  pay: { agent: bank, with: { n: "{{ input.n }}" }, retry: { max: 2 } }
`;

function specOf(text: string): VersionSpec {
  const { workflow, faults } = readWorkflowFile(Buffer.from(text));
  if (workflow === undefined) throw new Error(JSON.stringify(faults));
  return workflow.spec;
}

const BEFORE = specOf(TEXT);
const diff = (text: string) => diffVersions(BEFORE, specOf(text));

describe("diffVersions", () => {
  it("finds nothing in the same content, however it is spelt", () => {
    const steps = BEFORE.steps.map((step) => ({
      ...step,
      riskLevel: step.riskLevel === "" ? "" : "RISK_LEVEL_HIGH",
    }));
    expect(diffVersions(BEFORE, { ...BEFORE, steps })).toEqual([]);
    expect(diff(`# why\n${TEXT}`)).toEqual([]);
  });

  it("names changed fields of steps with both values", () => {
    expect(diff(TEXT.replace("approve: Ask", "approve: Ask them").replace("1h", "2h"))).toEqual([
      {
        ...{ change: "changed", part: "step", id: "ask" },
        fields: expect.arrayContaining([
          { field: "timeout_seconds", before: 3_600, after: 7_200 },
          expect.objectContaining({ before: "Ask", after: "Ask them" }),
        ]),
      },
    ]);
    const changed = diff(TEXT.replace('n: "{{', 'm: "{{'));
    expect(changed[0]?.fields).toEqual([
      { field: "config.input", before: { n: "{{ input.n }}" }, after: { m: "{{ input.n }}" } },
    ]);
  });

  it("names added and removed steps with their edges", () => {
    const longer = `${TEXT}  tell: { notify: slack, body: Paid }\n`;
    const added = [
      { change: "added", part: "step", id: "tell", fields: [] },
      { change: "added", part: "edge", id: "pay -> tell", fields: [] },
    ];
    expect(diff(longer)).toEqual(added);
    const removed = added.map((each) => ({ ...each, change: "removed" }));
    expect(diffVersions(specOf(longer), BEFORE)).toEqual(removed);
  });

  it("names fields of the version", () => {
    expect(diff(TEXT.replace("1d", "2d"))).toEqual([
      {
        ...{ change: "changed", part: "version", id: "" },
        fields: [{ field: "timeout_seconds", before: 86_400, after: 172_800 }],
      },
    ]);
  });

  it.each<[string, (spec: VersionSpec) => VersionSpec]>([
    ["the order of steps", (spec) => ({ ...spec, steps: spec.steps.toReversed() })],
    ["the order of edges", (spec) => ({ ...spec, edges: spec.edges.toReversed() })],
    ["an edge that is there twice", (spec) => ({ ...spec, edges: [...spec.edges, ...spec.edges] })],
    [
      "the condition of an edge",
      (spec) => ({ ...spec, edges: spec.edges.map((edge) => ({ ...edge, conditionExpr: "x" })) }),
    ],
    ["a policy that is gone", (spec) => ({ ...spec, steps: spec.steps.map(withoutPolicy) })],
    ["a config that is empty", (spec) => ({ ...spec, steps: spec.steps.map(withEmptyConfig) })],
    ["a trigger", (spec) => ({ ...spec, trigger: { ...spec.trigger, triggerType: "WORKFLOW" } })],
  ])("finds %s, as the digest does", (_, change) => {
    const after = change(BEFORE);
    expect(versionDigest(after)).not.toBe(versionDigest(BEFORE));
    expect(diffVersions(BEFORE, after)).not.toEqual([]);
    expect(diffVersions(after, BEFORE)).not.toEqual([]);
  });
});

function withoutPolicy({ retryPolicy: _, ...step }: VersionSpec["steps"][number]) {
  return step;
}

function withEmptyConfig(step: VersionSpec["steps"][number]) {
  return step.id === "size" ? { ...step, emptyConfig: true as const } : step;
}
