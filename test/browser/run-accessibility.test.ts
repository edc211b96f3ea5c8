/** Each page of runs and of the inbox: axe finds nothing wrong, in both themes, and at the width of a telephone. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import {
  COMPLETED,
  FAILED,
  startWholeService,
  type WholeService,
} from "../support/browser/whole-service.ts";

const { APPROVAL_GATE, HUMAN_TASK, PARALLEL } = StepType;
let service: WholeService;
let runId = "";
beforeAll(async () => {
  service = await startWholeService();
  const properties = {
    ok: { type: "boolean", title: "In order?" },
    kind: { enum: ["a", "b"] },
    amount: { type: "number" },
  };
  const schema = { type: "object", required: ["ok"], properties };
  const definitionId = await service.define("order", {
    steps: [
      { id: "reserve", name: "Reserve", stepType: HUMAN_TASK, compensationStepId: "free" },
      { id: "all", name: "All of it", stepType: PARALLEL },
      { id: "charge", name: "Charge", stepType: HUMAN_TASK, config: { on_error: "hold" } },
      { id: "check", name: "Check", stepType: HUMAN_TASK, config: { output_schema: schema } },
      {
        ...{ id: "approve", name: "Approve", stepType: APPROVAL_GATE, actionType: "order.pay" },
        config: { approvers: ["user_manager", "user_lead"] },
      },
      { id: "ship", name: "Ship it", stepType: HUMAN_TASK },
      { id: "free", name: "Free the goods", stepType: HUMAN_TASK },
    ],
    edges: [
      { fromStepId: "reserve", toStepId: "all" },
      { fromStepId: "all", toStepId: "charge" },
      { fromStepId: "all", toStepId: "check" },
      { fromStepId: "all", toStepId: "approve" },
      { fromStepId: "all", toStepId: "ship", label: "joined" },
    ],
  });
  const inputPayload = { customer: "Sam", lines: [{ what: "Hotel", usd: 90 }], note: null };
  runId = await service.start(definitionId, { inputPayload });
  await service.move(runId, "reserve", COMPLETED);
  await service.move(runId, "charge", FAILED, "the bank is away");
  const { inbox } = service.as("user_manager");
  await inbox.comment({ id: `${runId}/check/1`, comment: "where is the bill?" });
});
afterAll(() => service?.stop());

const item = (place: string) => `/inbox/${encodeURIComponent(`${runId}/${place}`)}`;
/** Opens what is closed at first. */
const press = (name: string) => (page: Page) =>
  page.getByRole("button", { name, exact: true }).first().click();

const PAGES: readonly [
  name: string,
  path: () => string,
  shown: string,
  more?: (page: Page) => Promise<void>,
][] = [
  ["the graph and a step", () => `/runs/${runId}?step=charge`, "the bank is away", press("Input")],
  ["the timeline", () => `/runs/${runId}?tab=timeline`, "at work"],
  ["the history", () => `/runs/${runId}?tab=history`, "TransitionStep"],
  ["the data", () => `/runs/${runId}?tab=data`, "workflows runs", press("Input")],
  ["related runs", () => `/runs/${runId}?tab=runs`, "No run started it"],
  ["what cancel does", () => `/runs/${runId}`, "Ship it", press("Cancel")],
  ["the inbox", () => "/inbox", "To be mended"],
  ["an empty inbox", () => "/inbox?view=mine&kind=held", "Nothing waits for you"],
  ["an approval", () => item("approve/1"), "On the command line"],
  ["a task", () => item("check/1"), "where is the bill?", press("Complete")],
  ["no such item", () => item("approve/9"), "There is no such thing"],
  ["no such run", () => "/runs/wfr_none", "There is no such thing"],
  ["a held step", () => item("charge/0"), "It failed after one try", press("Skip")],
];

describe.each([
  ["light", 1_280],
  ["dark", 1_280],
  ["light", 375],
] as const)("in %s, %i px wide", (scheme, width) => {
  it.each(PAGES)("%s has no fault", async (_, path, shown, more) => {
    const { page, faults, accessibilityFaults } = await service.open("user_manager", path(), {
      scheme,
      width,
    });
    await page.getByText(shown).filter({ visible: true }).first().waitFor();
    await more?.(page);
    expect(await accessibilityFaults()).toEqual([]);
    const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(wide).toBeLessThanOrEqual(0);
    // A thing that is not there is a 404 of the service, which the browser notes.
    expect(faults.filter((fault) => !fault.includes("404"))).toEqual([]);
    await page.context().close();
  });
});
