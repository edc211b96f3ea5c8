/** Which links of a graph were taken, from the states of the version's edges. */
import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { linkStatesOf } from "../../../console/src/parts/graph/edge-states.ts";
import { modelOf } from "../../../console/src/parts/graph/graph-model.ts";
import { EdgeState } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { EdgeSchema, StepDefinitionSchema } from "../../../gen/workflows/v1/workflows_pb.ts";

const { OPEN, TAKEN, DEAD } = EdgeState;

/** A model of steps a, b and c; edges as `from>to`. */
function model(...edges: string[]) {
  return modelOf(
    ["a", "b", "c"].map((id) => create(StepDefinitionSchema, { id })),
    edges.map((text) => {
      const [fromStepId = "", toStepId = ""] = text.split(">");
      return create(EdgeSchema, { fromStepId, toStepId });
    }),
  );
}

const statesOf = (edges: readonly string[], states: readonly EdgeState[]) =>
  Object.fromEntries(linkStatesOf(model(...edges), states));

it("gives each link the state of its edge", () => {
  const states = statesOf(["a>b", "a>c", "b>c"], [TAKEN, DEAD, OPEN]);
  expect(states).toEqual({ "a b": "taken", "a c": "dead", "b c": "open" });
});

it("takes a link of several edges when one of them is taken, and drops it when all are dead", () => {
  const edges = ["a>b", "a>c", "a>b", "a>c"];
  expect(statesOf(edges, [DEAD, DEAD, TAKEN, DEAD])).toEqual({ "a b": "taken", "a c": "dead" });
  expect(statesOf(edges, [DEAD, DEAD, OPEN, OPEN])).toEqual({ "a b": "open", "a c": "open" });
});

it("counts places by all edges of the version, those that are not drawn too", () => {
  expect(statesOf(["a>gone", "a>b"], [DEAD, TAKEN])).toEqual({ "a b": "taken" });
});

it("leaves links open while nothing is known", () => {
  expect(statesOf(["a>b"], [])).toEqual({ "a b": "open" });
});
