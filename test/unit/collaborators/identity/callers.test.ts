/** What the roles and scopes of a token grant, and which scope each RPC needs. */
import { expect, test } from "vitest";
import { Health } from "../../../../gen/grpc/health/v1/health_pb.ts";
import { WorkflowService } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { grantedScopes, SCOPES } from "../../../../src/collaborators/identity/callers.ts";
import { scopeOf } from "../../../../src/ingress/rpc/scopes.ts";

const short = (words: string[], isAgent = false) =>
  [...grantedScopes(words, isAgent)].map((scope) => scope.replace("workflows:", "")).sort();
const all = ["admin", "author", "deploy", "inbox", "read", "run", "transition"];

test.each([
  { words: ["workflows:read"], may: ["read"] },
  { words: ["workflows:author"], may: ["author", "read"] },
  { words: ["workflows:run"], may: ["read", "run"] },
  { words: ["workflows:transition"], may: ["read", "transition"] },
  { words: ["workflows:run", "workflows:author"], may: ["author", "read", "run"] },
  { words: ["workflows:admin"], may: all },
  { words: ["workflows:*"], may: all },
  { words: ["viewer"], may: ["read"] },
  { words: ["editor"], may: ["author", "deploy", "read", "run"] },
  { words: ["operator"], may: ["read", "run", "transition"] },
  { words: ["approver"], may: ["inbox", "read"] },
  { words: ["admin"], may: all },
  { words: ["viewer", "workflows:transition"], may: ["read", "transition"] },
  { words: [], may: [] },
  { words: ["*", "openid", "objectives:*", "workflows", "Admin", "constructor", ""], may: [] },
])("$words may $may", ({ words, may }) => {
  expect(short(words)).toEqual(may);
});

test("an agent has no inbox and deploys nothing, and has what else its words grant", () => {
  expect(short(["admin"], true)).toEqual(
    all.filter((scope) => scope !== "inbox" && scope !== "deploy"),
  );
  expect(short(["approver"], true)).toEqual(["read"]);
});

test("every RPC needs one of the scopes, admin none by itself", () => {
  const needed = WorkflowService.methods.map(scopeOf);
  expect(needed).toHaveLength(14);
  for (const scope of needed) expect(SCOPES).toContain(scope);
  expect(needed).not.toContain("workflows:admin");
});

test("RPCs that change definitions, runs and steps need more than to read", () => {
  const reading = WorkflowService.methods.filter((method) => scopeOf(method) === "workflows:read");
  expect(reading.map(({ name }) => name).sort()).toEqual([
    "GetDefinition",
    "GetRun",
    "ListDefinitions",
    "ListRuns",
    "ListVersions",
  ]);
});

test("an RPC of another service has no scope here", () => {
  expect(scopeOf(Health.method.check)).toBeUndefined();
});
