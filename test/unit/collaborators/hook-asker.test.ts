/** What hooks are asked, and what an answer that is none means. What a refusal leads to is test/contract/workflow-hooks.test.ts. */
import { expect, test } from "vitest";
import { createHookAsker } from "../../../src/collaborators/hook-asker.ts";
import type { HookQuestion } from "../../../src/engine/values/hook.ts";

const QUESTION: HookQuestion = {
  ...{ id: "msg_1", hook: "four-eyes", workspaceId: "ws", definitionId: "wf_1" },
  ...{ workflowName: "orders", by: "ann", reason: "", facts: { environment: "production" } },
  verb: "activate",
};
const SECRET = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
const none = { find: () => undefined };

test("a URL whose origin the operator took out of the list is not asked", async () => {
  const { byPost } = createHookAsker(none, ["https://hooks.example.com"]);
  const to = { url: "https://hooks.example.com.evil.test/ask", secret: SECRET };
  expect(await byPost(QUESTION, to)).toEqual({
    kind: "away",
    why: "HOOKS_ORIGINS does not have https://hooks.example.com.evil.test",
  });
});

test("a host whose address is not public is not asked", async () => {
  const { byPost } = createHookAsker(none, ["http://localhost:9"]);
  const answer = await byPost(QUESTION, { url: "http://localhost:9/ask", secret: SECRET });
  expect(answer).toEqual({ kind: "away", why: "its host has an address that is not public" });
});

test("without a governance service nothing that it guards is allowed", async () => {
  const { byGovernance } = createHookAsker(none, []);
  expect(await byGovernance(QUESTION)).toEqual({ kind: "away", why: "GOVERNANCE_URL is not set" });
});
