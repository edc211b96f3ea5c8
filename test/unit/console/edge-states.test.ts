/** Which links of a graph were taken, from the states of its steps. */
import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { linkStatesOf, type StepFacts } from "../../../console/src/parts/graph/edge-states.ts";
import { modelOf } from "../../../console/src/parts/graph/graph-model.ts";
import {
  EdgeSchema,
  StepDefinitionSchema,
  StepRunState,
  StepType,
} from "../../../gen/workflows/v1/workflows_pb.ts";

const { APPROVAL_GATE, BRANCH, HUMAN_TASK, PARALLEL } = StepType;
const { CANCELLED, COMPLETED, FAILED, RUNNING, SKIPPED, WAITING } = StepRunState;

/** Steps as `id: [type, state]`; an undefined state has not begun. Edges as `from>to`, with a label after a colon. */
function statesOf(
  steps: Readonly<Record<string, readonly [StepType, StepRunState?]>>,
  edges: readonly string[],
): Record<string, string> {
  const model = modelOf(
    Object.entries(steps).map(([id, [stepType]]) => create(StepDefinitionSchema, { id, stepType })),
    edges.map((text) => {
      const [pair = "", label = ""] = text.split(":");
      const [fromStepId = "", toStepId = ""] = pair.split(">");
      return create(EdgeSchema, { fromStepId, toStepId, label });
    }),
  );
  const facts = new Map<string, StepFacts>();
  for (const [id, [, state]] of Object.entries(steps)) {
    if (state !== undefined) facts.set(id, { state, hasBegun: state !== SKIPPED });
  }
  return Object.fromEntries(linkStatesOf(model, facts));
}

/** As in the example of approvals: a branch, a gate, and a step to which two paths lead. */
const EXPENSE = ["size>manager:true", "size>pay:false", "manager>pay", "manager>refused:denied"];

it("tells the path that was taken from the one that was not", () => {
  const large = {
    size: [BRANCH, COMPLETED],
    manager: [APPROVAL_GATE, COMPLETED],
    pay: [HUMAN_TASK, WAITING],
    refused: [HUMAN_TASK, SKIPPED],
  } as const;
  expect(statesOf(large, EXPENSE)).toEqual({
    "size manager": "taken",
    "size pay": "dead",
    "manager pay": "taken",
    "manager refused": "dead",
  });
  const small = { ...large, manager: [APPROVAL_GATE, SKIPPED] } as const;
  expect(statesOf(small, EXPENSE)).toEqual({
    "size manager": "dead",
    "size pay": "taken",
    "manager pay": "dead",
    "manager refused": "dead",
  });
  const denied = {
    ...large,
    pay: [HUMAN_TASK, SKIPPED],
    refused: [HUMAN_TASK, COMPLETED],
  } as const;
  expect(statesOf(denied, EXPENSE)).toMatchObject({
    "manager pay": "dead",
    "manager refused": "taken",
  });
});

it("leaves links open until their source has ended", () => {
  const steps = { size: [BRANCH, COMPLETED], manager: [APPROVAL_GATE, WAITING] } as const;
  const all = { ...steps, pay: [HUMAN_TASK], refused: [HUMAN_TASK] } as const;
  expect(statesOf(all, EXPENSE)).toEqual({
    "size manager": "taken",
    "size pay": "dead",
    "manager pay": "open",
    "manager refused": "open",
  });
});

it("takes the only links of a success at once, also where the next step waits for others", () => {
  const steps = {
    a: [HUMAN_TASK, COMPLETED],
    b: [HUMAN_TASK, WAITING],
    join: [HUMAN_TASK],
  } as const;
  expect(statesOf(steps, ["a>join", "b>join"])).toEqual({ "a join": "taken", "b join": "open" });
});

it("shows children of a PARALLEL as begun, however it ends", () => {
  const edges = ["all>one", "all>two", "all>after:joined"];
  const steps = {
    one: [HUMAN_TASK, COMPLETED],
    two: [HUMAN_TASK, WAITING],
    after: [HUMAN_TASK],
  } as const;
  const expected = { "all one": "taken", "all two": "taken" };
  expect(statesOf({ all: [PARALLEL, RUNNING], ...steps }, edges)).toMatchObject(expected);
  expect(statesOf({ all: [PARALLEL, FAILED], ...steps }, edges)).toMatchObject(expected);
  const ended = statesOf({ all: [PARALLEL, CANCELLED], ...steps }, edges);
  expect(ended).toEqual({ ...expected, "all after": "dead" });
});

it("takes the link of a failure that was caught, and no other", () => {
  const steps = {
    work: [HUMAN_TASK, FAILED],
    next: [HUMAN_TASK, SKIPPED],
    mend: [HUMAN_TASK, WAITING],
  } as const;
  expect(statesOf(steps, ["work>next", "work>mend:error"])).toEqual({
    "work next": "dead",
    "work mend": "taken",
  });
});

it("says nothing where two links may have begun a step", () => {
  const steps = {
    a: [APPROVAL_GATE, COMPLETED],
    b: [APPROVAL_GATE, COMPLETED],
    c: [HUMAN_TASK, WAITING],
  } as const;
  expect(statesOf(steps, ["a>c", "b>c"])).toEqual({ "a c": "open", "b c": "open" });
});
