/** The inbox: its filters in the address, forms and their faults, and what people do with an item besides deciding it. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  InboxDecideRequestSchema,
  InboxGetResponseSchema,
} from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { startWholeService, type WholeService } from "../support/browser/whole-service.ts";

const { APPROVAL_GATE, HUMAN_TASK } = StepType;

let service: WholeService;
beforeAll(async () => {
  service = await startWholeService();
});
afterAll(() => service?.stop());

/** A gate that asks two people, and a task. */
async function startAsking(name: string): Promise<string> {
  const properties = {
    amount: { type: "number", minimum: 10 },
    when: { type: "string", format: "date" },
  };
  const definitionId = await service.define(name, {
    steps: [
      {
        ...{ id: "ask", name: `Pay ${name}`, stepType: APPROVAL_GATE, actionType: "order.pay" },
        ...{ riskLevel: "HIGH", config: { approvers: ["user_ann", "user_bob"], required: 2 } },
      },
      {
        ...{ id: "task", name: `Count ${name}`, stepType: HUMAN_TASK },
        config: { output_schema: { type: "object", required: ["amount"], properties } },
      },
    ],
  });
  return service.start(definitionId, {
    inputPayload: { order: name, total_usd: 1_200, rate: 0.00045 },
  });
}

const itemPath = (runId: string, place: string) =>
  `/inbox/${encodeURIComponent(`${runId}/${place}`)}`;

it("lists what is open by its filters, which are in the address", async () => {
  await startAsking("lamps");
  const { page, faults } = await service.open("user_ann", "/inbox");
  const approval = page.getByRole("link", { name: /Pay lamps/ });
  const task = page.getByRole("link", { name: /Count lamps/ });
  await approval.first().waitFor();
  expect(await approval.count()).toBe(2);
  await task.waitFor();
  await page.getByRole("button", { name: "Task", exact: true }).click();
  await page.waitForURL(/kind=task/);
  await approval.first().waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Mine (user_ann)" }).click();
  await page.getByRole("button", { name: "Every kind" }).click();
  await page.waitForURL(/view=mine/);
  await approval.first().waitFor();
  await task.waitFor({ state: "detached" });
  expect(await approval.count()).toBe(1);
  await page.reload();
  await approval.waitFor();
  expect(await task.count()).toBe(0);
  expect(faults).toEqual([]);
});

it("shows what is asked, by whom and how risky, and who else is asked", async () => {
  const runId = await startAsking("chairs");
  const { page, faults } = await service.open("user_ann", itemPath(runId, "ask/1"));
  await page.getByText("user_sam asks user_ann to allow order.pay").waitFor();
  await page.getByText("High risk").waitFor();
  await page.getByText("It needs 2 people; 0 have agreed.").waitFor();
  const details = page.getByRole("region", { name: "Details" });
  await details.getByText("Total usd").waitFor();
  await details.getByText("1200", { exact: true }).waitFor();
  await details.getByText("0.00045", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Open this one" }).click();
  await page.getByText("user_sam asks user_bob to allow order.pay").waitFor();
  expect(faults).toEqual([]);
});

it("keeps an item for who has claimed it, and shows comments and delegations to all", async () => {
  const runId = await startAsking("tables");
  const ann = await service.open("user_ann", itemPath(runId, "task/1"));
  await ann.page.getByRole("button", { name: "Claim" }).click();
  const dialog = ann.page.getByRole("dialog");
  await dialog.getByText(`workflows claim ${runId}/task/1`).waitFor();
  await dialog.getByRole("button", { name: "Claim it" }).click();
  await ann.page.getByText("Claimed by user_ann").waitFor();

  const bob = await service.open("user_bob", itemPath(runId, "task/1"));
  await bob.page.getByText("Claimed by user_ann").waitFor();
  await bob.page.getByLabel("Amount").fill("20");
  await bob.page.getByRole("button", { name: "Complete" }).click();
  await bob.page.getByText("Somebody else works on this").waitFor();
  await bob.page.getByRole("button", { name: "Comment" }).click();
  await bob.page.getByRole("dialog").getByLabel("Comment").fill("take the blue ones");
  await bob.page.getByRole("button", { name: "Add a comment" }).click();
  await ann.page.getByText("take the blue ones").waitFor();

  await ann.page.getByRole("button", { name: "Delegate" }).click();
  await dialog.getByLabel("Who is asked instead").fill("user_bob");
  await dialog.getByLabel("Reason").fill("holidays");
  await dialog.getByRole("button", { name: "Ask somebody else" }).click();
  await ann.page.getByText("user_sam asks user_bob to do this").waitFor();
  await bob.page.getByText("holidays").waitFor();
  await bob.page.getByRole("button", { name: "Complete" }).click();
  await bob.page.getByText("completed it").waitFor();
  expect(ann.faults).toEqual([]);
});

it("says what is wrong with a form at its field, also what the service finds alone", async () => {
  const runId = await startAsking("rugs");
  const { page } = await service.open("user_ann", itemPath(runId, "task/1"), { width: 375 });
  const complete = page.getByRole("button", { name: "Complete" });
  await complete.click();
  await page.getByText("This is needed").waitFor();
  await page.getByLabel("Amount").fill("many");
  await page.getByText("A number", { exact: true }).waitFor();
  await page.getByLabel("Amount").fill("5");
  await complete.click();
  await page.getByText("must be >= 10").waitFor();
  await page.getByLabel("Amount").fill("15");
  await page.getByLabel("When").fill("2026-12-24");
  await page.getByText(`"when":"2026-12-24"`).waitFor({ state: "attached" });
  await complete.click();
  await page.getByText("completed it").waitFor();
});

it("asks again when what is to be decided has changed, and never approves what was not read", async () => {
  const runId = await startAsking("lofts");
  const { page } = await service.open("user_ann", itemPath(runId, "ask/1"));
  await page.getByText("1200", { exact: true }).waitFor();
  const digests: string[] = [];
  await page.route("**/workflows.ops.v1.Inbox/Decide", (route) => {
    const body = route.request().postDataBuffer() ?? new Uint8Array();
    digests.push(fromBinary(InboxDecideRequestSchema, body).digest);
    return route.fallback();
  });
  const { item: seen } = await service.as("user_ann").inbox.get({ id: `${runId}/ask/1` });
  let isChanged = true;
  await page.route("**/workflows.ops.v1.Inbox/Get", async (route) => {
    if (!isChanged) return route.fallback();
    const answer = await route.fetch();
    const response = fromBinary(InboxGetResponseSchema, await answer.body());
    if (response.item?.payload) response.item.payload.total_usd = 99_000;
    if (response.item) response.item.digest = "another digest";
    const body = Buffer.from(toBinary(InboxGetResponseSchema, response));
    return route.fulfill({ response: answer, body });
  });
  await page.getByRole("alert").getByText("What is to be decided has changed").waitFor();
  await page.getByText("99000", { exact: true }).waitFor();
  const approve = page.getByRole("button", { name: "Approve" });
  expect(await approve.isDisabled()).toBe(true);
  expect(await page.getByRole("button", { name: "Deny" }).isDisabled()).toBe(true);
  await page.getByRole("button", { name: "I have read it again" }).click();
  await approve.click();
  await page.getByText("What is to be decided has changed").waitFor();
  expect(digests).toEqual(["another digest"]);
  isChanged = false;
  await page.getByText("1200", { exact: true }).waitFor();
  await page.getByRole("button", { name: "I have read it again" }).click();
  await approve.click();
  await expect.poll(() => digests).toEqual(["another digest", seen?.digest]);
});

it("keeps what was typed while the service does not answer", async () => {
  const runId = await startAsking("shelves");
  const { page } = await service.open("user_ann", itemPath(runId, "ask/1"));
  await page.getByLabel("Comment").fill("in budget");
  const get = "**/workflows.ops.v1.Inbox/Get";
  const body = JSON.stringify({ code: "internal", message: "no database" });
  await page.route(get, (route) =>
    route.fulfill({ status: 500, contentType: "application/json", body }),
  );
  await page.getByText("no database").waitFor();
  await page.unroute(get);
  await page.getByText("no database").waitFor({ state: "detached" });
  expect(await page.getByLabel("Comment").inputValue()).toBe("in budget");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.locator("q", { hasText: "in budget" }).waitFor();
});

it("shows what is another person's at once when another one acts", async () => {
  const runId = await startAsking("stools");
  const { page } = await service.open("user_ann", "/inbox?view=mine");
  await page.getByRole("button", { name: "Mine (user_ann)" }).waitFor();
  const bob = `a[href$="${encodeURIComponent(`${runId}/ask/2`)}"]`;
  expect(await page.locator(bob).count()).toBe(0);
  await page.getByRole("button", { name: "user_ann", exact: true }).click();
  await page.getByLabel("Name").fill("user_bob");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Mine (user_bob)" }).waitFor();
  await page.locator(bob).waitFor();
});

it("asks for a name before it decides for nobody", async () => {
  const runId = await startAsking("beds");
  const { page } = await service.open("", itemPath(runId, "ask/1"));
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Say who you are first").waitFor();
});

it("says that there is no such item", async () => {
  const { page } = await service.open("user_ann", itemPath("wfr_none", "ask/1"));
  await page.getByText("There is no such thing here").waitFor();
});
