/** Whom a schedule acts for: what the form shows of a schedule is what it reads again. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { readRunAs, runAsText } from "../../../console/src/parts/workflows/triggers/run-as.ts";
import { RunAsSchema, RunAsScope } from "../../../gen/workflows/ops/v1/schedules_pb.ts";

test.each([
  [RunAsScope.USER, "ann", "user:ann"],
  [RunAsScope.USER, "Ann van der Berg", "user:Ann van der Berg"],
  [RunAsScope.USER, "auth0|a:b", "user:auth0|a:b"],
  [RunAsScope.GROUP, "finance", "group:finance"],
  [RunAsScope.AGENT, "agent_1", "agent:agent_1"],
  [RunAsScope.ORG, "", "org"],
])("scope %s and subject %s are %s", (scope, subject, text) => {
  expect(runAsText(create(RunAsSchema, { scope, subject }))).toBe(text);
  expect(readRunAs(text)).toEqual({ scope, subject });
});

test("a text that names nobody is not read", () => {
  for (const text of ["finance", "user:", "team:x", "USER:ann"]) {
    expect(readRunAs(text)).toBeUndefined();
  }
});
