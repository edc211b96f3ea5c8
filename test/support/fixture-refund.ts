/**
 * The part of the fixtures' story that goes badly: a claim that is not paid back, and one that is taken back.
 * Boundary: asks the service by RPC; what is kept of it is decided in fixture-story.ts.
 */
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { WORKSPACE_ID } from "../../tools/demo/sales-process.ts";
import type { World } from "./fixture-world.ts";

const { HUMAN_TASK } = StepType;
const REFUND = {
  author: "user_support_ops",
  steps: [
    {
      id: "check-claim",
      name: "Check the claim",
      stepType: HUMAN_TASK,
      config: { instructions: "Check the claim for order {{ input.order }}." },
    },
    {
      id: "ask-manager",
      name: "Ask the manager",
      stepType: HUMAN_TASK,
      config: { instructions: "Say whether {{ input.order }} is paid back." },
    },
    {
      id: "pay-back",
      name: "Pay it back",
      stepType: HUMAN_TASK,
      config: { instructions: "Pay the claim back." },
    },
  ],
  edges: [
    {
      fromStepId: "check-claim",
      toStepId: "ask-manager",
      conditionExpr: "amount_usd > 100",
    },
    {
      fromStepId: "check-claim",
      toStepId: "pay-back",
      conditionExpr: "amount_usd <= 100",
    },
  ],
};

/** A third process, of which one run fails after a step was skipped, and one is cancelled. */
export async function playRefunds(workflows: World["workflows"]): Promise<void> {
  const { definition } = await workflows.createDefinition({
    workspaceId: WORKSPACE_ID,
    name: "refund",
    description: "A person checks a claim and pays it back.",
    tags: ["support"],
  });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ ...REFUND, definitionId });
  const start = () => workflows.startRun({ definitionId, inputPayload: { order: "o-17" } });
  const runId = (await start()).run?.id ?? "";
  await workflows.transitionStep({
    runId,
    stepId: "check-claim",
    state: StepRunState.COMPLETED,
    outputPayload: { amount_usd: 40 },
  });
  await workflows.transitionStep({
    runId,
    stepId: "pay-back",
    state: StepRunState.FAILED,
    errorMessage: "The card of the order has expired.",
  });
  const cancelled = (await start()).run?.id ?? "";
  await workflows.cancelRun({ id: cancelled, reason: "The customer took the claim back." });
}
