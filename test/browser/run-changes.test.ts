/** A run that somebody else changes while a person looks at it: an order is for the attempt that they saw, and an end is not the last word. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import {
  COMPLETED,
  FAILED,
  startWholeService,
  type WholeService,
} from "../support/browser/whole-service.ts";

const { HUMAN_TASK } = StepType;

let service: WholeService;
let definitionId = "";
beforeAll(async () => {
  service = await startWholeService();
  definitionId = await service.define("order", {
    steps: [
      { id: "reserve", name: "Reserve", stepType: HUMAN_TASK, compensationStepId: "free" },
      { id: "charge", name: "Charge", stepType: HUMAN_TASK, config: { on_error: "hold" } },
      { id: "free", name: "Free the goods", stepType: HUMAN_TASK },
    ],
    edges: [{ fromStepId: "reserve", toStepId: "charge" }],
  });
});
afterAll(() => service?.stop());

async function startHeld(): Promise<string> {
  const runId = await service.start(definitionId);
  await service.move(runId, "reserve", COMPLETED);
  await service.move(runId, "charge", FAILED, "the bank is away");
  return runId;
}

it("asks again before an order when another attempt has begun since its dialog was opened", async () => {
  const runId = await startHeld();
  const { page, faults } = await service.open("user_olga", `/runs/${runId}?step=charge`);
  await page.getByRole("button", { name: "Fail", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("no money");
  const send = dialog.getByRole("button", { name: "Fail the step" });
  expect(await send.isEnabled()).toBe(true);
  const { runs, workflows } = service.as("user_bob");
  await runs.retryStep({ runId, stepId: "charge", attempt: 1, reason: "the bank is back" });
  await dialog.getByRole("alert").getByText("You saw attempt 1").waitFor();
  expect(await send.isDisabled()).toBe(true);
  expect(await dialog.getByLabel("Reason").inputValue()).toBe("no money");
  await dialog.getByRole("button", { name: "Go on with attempt 2" }).click();
  await send.click();
  await dialog.waitFor({ state: "detached" });
  const state = await until(async () => {
    const { run } = await workflows.getRun({ id: runId });
    const charge = run?.steps.find(({ stepId }) => stepId === "charge");
    return charge?.state === FAILED ? charge.state : undefined;
  });
  expect(state).toBe(FAILED);
  expect(faults).toEqual([]);
});

it("follows an ended run again when somebody else compensates it", async () => {
  const runId = await startHeld();
  const { workflows } = service.as("user_bob");
  await workflows.cancelRun({ id: runId, reason: "entered twice" });
  const { page, faults } = await service.open("user_olga", `/runs/${runId}`);
  await page.getByText(/^Ended/).waitFor();
  await workflows.compensateRun({ id: runId, reason: "order withdrawn" });
  await page.locator('[data-step="free"][data-state="Waiting"]').waitFor({ timeout: 15_000 });
  await page.getByText("Live", { exact: true }).waitFor();
  expect(faults).toEqual([]);
});
