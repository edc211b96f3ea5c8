/** The mocks of a request that simulates. Boundary: messages to values of the engine; whether they fit their steps, the engine says. */
import type { StepMock } from "../../../gen/workflows/ops/v1/simulations_pb.ts";
import type { Mock, Mocks } from "../../engine/simulation/mocks.ts";
import { mockOfMessage } from "../../wire/simulations.ts";
import type { Faults } from "./fields.ts";

/** Several of one step answer its attempts in order. */
export function readMocks(messages: readonly StepMock[], faults: Faults, before = ""): Mocks {
  const mocks = new Map<string, Mock[]>();
  for (const [index, message] of messages.entries()) {
    if (message.stepId === "") faults.add(`${before}mocks[${index}].step_id`, "is required");
    const list = mocks.get(message.stepId) ?? [];
    list.push(mockOfMessage(message));
    mocks.set(message.stepId, list);
  }
  return mocks;
}
