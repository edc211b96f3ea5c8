/** What a workflow does, as a workflow file that the service can publish, and back. */
import { describe, expect, test } from "vitest";
import {
  compileContent,
  fieldOfPath,
  type GivenContent,
  readContent,
} from "../../../src/entities/compile/content.ts";
import { readWorkflowFile } from "../../../src/file/read-file.ts";

const ONBOARDING: GivenContent = {
  triggerEvent: "Deal.won",
  steps: [
    { action: "Customer.create", mapping: { name: "deal.name", contact: "deal.contact" } },
    { action: "Subscription.create", mapping: { plan: "deal.plan", customer: "step.0.$id" } },
    { action: "Project.create", mapping: { name: '"Onboarding: " + deal.name' } },
    {
      action: "Activity.create",
      mapping: { subject: '"Welcome call with " + deal.contact.name', type: "Call" },
    },
  ],
  errorHandling: "Fallback",
  timeout: 30_000,
};

function textOf(given: GivenContent): string {
  const compiled = compileContent("onboarding", given);
  return compiled.ok ? compiled.sourceText : JSON.stringify(compiled.faults);
}
/** The version that the service makes of it. */
function versionOf(given: GivenContent) {
  const { workflow, faults } = readWorkflowFile(new TextEncoder().encode(textOf(given)));
  expect(faults).toEqual([]);
  return workflow?.spec;
}
function faultsOf(given: object): Record<string, string> {
  const compiled = compileContent("onboarding", { ...ONBOARDING, ...given });
  if (compiled.ok) return {};
  return Object.fromEntries(compiled.faults.map(({ field, description }) => [field, description]));
}
const withStep = (step: unknown) => ({ steps: [step] });

describe("content", () => {
  test("is compiled to a chain of steps for agents, started by the event", () => {
    const spec = versionOf(ONBOARDING);
    expect(spec?.steps.map(({ id, requiredCapability }) => [id, requiredCapability])).toEqual([
      ["step-0", "Customer.create"],
      ["step-1", "Subscription.create"],
      ["step-2", "Project.create"],
      ["step-3", "Activity.create"],
    ]);
    expect(spec?.edges).toHaveLength(3);
    expect(spec?.trigger).toMatchObject({ triggerType: "EVENT", eventType: "Deal.won" });
    expect(spec?.timeoutSeconds).toBe(30);
    expect(spec?.steps[1]?.config).toMatchObject({
      input: { customer: '{{ steps["step-0"].output["$id"] }}' },
    });
  });

  test("of JSON text is that of the list", () => {
    const steps = JSON.stringify(ONBOARDING.steps);
    expect(textOf({ ...ONBOARDING, steps })).toBe(textOf(ONBOARDING));
  });

  test.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [86_400_000, 86_400],
  ])("of %d ms has a deadline of %d s", (timeout, seconds) => {
    expect(versionOf({ ...ONBOARDING, timeout })?.timeoutSeconds).toBe(seconds);
  });

  test.each([
    ["3 x exponential 10s", 3, 10, 2],
    ["2 x fixed 1m", 2, 60, 1],
    ["5 x", 5, 0, 1],
    ["1 X Exponential 1500ms", 1, 2, 2],
    ['{"maxAttempts": 4, "backoff": "exponential", "delay": "10s"}', 3, 10, 2],
    [{ maxRetries: 0 }, 0, 0, 1],
    [{ maxRetries: 2, delay: 1_500, factor: 3 }, 2, 2, 3],
  ])("with the retry policy %j", (retryPolicy, maxRetries, backoffSeconds, backoffMultiplier) => {
    const spec = versionOf({ ...ONBOARDING, retryPolicy });
    expect(spec?.defaultRetryPolicy).toEqual({ maxRetries, backoffSeconds, backoffMultiplier });
  });

  test.each([
    ["Stop", {}],
    ["Continue", {}],
    ["Fallback", { fallback: { id: "none" } }],
  ])("says %s of each step", (errorHandling, more) => {
    const steps = [{ action: "A.a" }, { action: "B.b", ...more }];
    const text = textOf({ triggerEvent: "Deal.won", steps, errorHandling });
    expect(readContent(text)).toMatchObject({
      isCompiled: true,
      content: { errorHandling, steps },
    });
  });

  test.each([
    ["all of it", ONBOARDING],
    ["a policy", { triggerEvent: "A.b", steps: [{ action: "c" }], retryPolicy: "3 x fixed 5s" }],
    [
      "a factor",
      { triggerEvent: "A.b", retryPolicy: '{"maxRetries":1,"delay":"5s","factor":1.5}' },
    ],
    ["nothing but its event", { triggerEvent: "A.b" }],
  ])("is read back as it was given: %s", (_, given: GivenContent) => {
    const { content, isCompiled } = readContent(textOf(given));
    expect(isCompiled).toBe(true);
    expect(content).toMatchObject(given);
  });

  test("of a file that was written elsewhere is what has words here, and is not replaced", () => {
    const file = `workflow: w
on: { event: order.made, when: amount > 3 }
timeout: 1h
steps:
  ask: { approve: May I, action: order.pay, by: [ann] }
  pay: { capability: payments, with: { sum: "{{ input.amount }}" }, on_error: continue }`;
    expect(readContent(file)).toEqual({
      isCompiled: false,
      content: {
        triggerEvent: "order.made",
        steps: [{ action: "order.pay" }, { action: "payments", mapping: { sum: "input.amount" } }],
        retryPolicy: undefined,
        errorHandling: undefined,
        timeout: 3_600_000,
      },
    });
    const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    const deepFile = `{"workflow":"w","on":"manual","steps":{"a":{"capability":"c","with":{"v":${deep}}}}}`;
    for (const text of ["", "[", "just text", "- a", `${"[".repeat(50_000)}`, deepFile]) {
      expect(readContent(text).isCompiled).toBe(false);
    }
  });
});

describe("content is refused with the step and the field:", () => {
  const deal = { action: "A.b", mapping: { lines: [{ name: "dael.name" }] } };
  test.each([
    [withStep(deal), "steps[0].mapping.lines[0].name", 'did you mean "deal"?'],
    [withStep({ acton: "A.b" }), "steps[0].acton", 'did you mean "action"?'],
    [withStep({ action: " " }), "steps[0].action", "name of an action"],
    [withStep("A.b"), "steps[0]", "an object"],
    [withStep({ action: "A.b", mapping: "deal" }), "steps[0].mapping", "an object of JSON values"],
    [
      withStep({ action: "A.b", mapping: { at: new Date(0) } }),
      "steps[0].mapping.at",
      "no value of JSON",
    ],
    [
      withStep({ action: "A.b", mapping: { n: Number.NaN } }),
      "steps[0].mapping.n",
      "no value of JSON",
    ],
    [{ steps: "[" }, "steps", "JSON text"],
    [{ steps: { action: "A.b" } }, "steps", "must be a list"],
    [{ steps: [] }, "errorHandling", "needs steps"],
    [
      { steps: [{ action: "a", fallback: {} }], errorHandling: "Stop" },
      "steps[0].fallback",
      "needs errorHandling Fallback",
    ],
    [{ triggerEvent: 3 }, "triggerEvent", "type of an event"],
    [{ errorHandling: "Continu" }, "errorHandling", 'did you mean "Continue"?'],
    [{ timeout: "30s" }, "timeout", "milliseconds"],
    [{ timeout: -1 }, "timeout", "milliseconds"],
    [{ retryPolicy: "often" }, "retryPolicy", "3 x exponential 10s"],
    [{ retryPolicy: "3 x expotential 10s" }, "retryPolicy", 'did you mean "exponential"?'],
    [{ retryPolicy: "{" }, "retryPolicy", "is no JSON"],
    [{ retryPolicy: { maxAttempt: 3 } }, "retryPolicy", 'did you mean "maxAttempts"?'],
    [{ retryPolicy: { maxAttempts: 0 } }, "retryPolicy", "whole number"],
    [{ retryPolicy: { backoff: "fixed" } }, "retryPolicy", "exactly one of"],
    [{ retryPolicy: { maxRetries: 1, delay: "soon" } }, "retryPolicy", 'delay "soon"'],
    [{ retryPolicy: 3 }, "retryPolicy", "no retry policy"],
  ])("%j", (given, field, description) => {
    expect(faultsOf(given)[field]).toContain(description);
  });

  test("all of them at once", () => {
    const steps = [{ action: "" }, { action: "b", mapping: { a: "dael.a", b: "step.7" } }];
    expect(Object.keys(faultsOf({ steps, timeout: 0 }))).toEqual([
      "timeout",
      "steps[0].action",
      "steps[1].mapping.a",
      "steps[1].mapping.b",
    ]);
  });

  test("also where the service finds them in the file", () => {
    const step = { action: "a", mapping: { name: "{{ dael. }}" } };
    const text = textOf({ triggerEvent: "Deal.won", steps: [step, step] });
    const { faults } = readWorkflowFile(new TextEncoder().encode(text));
    expect(faults.map(({ path }) => fieldOfPath(path))).toEqual([
      "steps[0].mapping.name",
      "steps[1].mapping.name",
    ]);
    expect(["on.event", "timeout", "retry.max", "workflow", "steps", ""].map(fieldOfPath)).toEqual([
      ...["triggerEvent", "timeout", "retryPolicy", "name", "steps", ""],
    ]);
  });
});
