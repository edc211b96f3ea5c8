/** On whose behalf a caller may have a schedule start runs. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { RunAsScope, ScheduleSpecSchema } from "../../../../gen/workflows/ops/v1/schedules_pb.ts";
import { type Caller, grantedScopes } from "../../../../src/collaborators/identity/callers.ts";
import { readCaller } from "../../../../src/collaborators/identity/read-caller.ts";
import { allowed, readRunAs } from "../../../../src/ingress/rpc/schedule-specs.ts";

const { UNSPECIFIED, USER, ORG, AGENT, GROUP } = RunAsScope;

function callerOf(role: string, isAgent = false): Caller {
  const scopes = grantedScopes([role], isAgent);
  return { subject: "ann", workspaceId: "ws", scopes, isAgent };
}

/** A caller whose token has these words. */
function tokenOf(words: string[], isAgent = false): Caller {
  const facts = { subject: "ann", workspaceId: "ws", isService: false };
  const caller = readCaller({ ...facts, words, isAgent });
  if (caller === undefined) throw new Error("no caller");
  return caller;
}

function askedBy(caller: Caller | undefined, scope: RunAsScope, subject = "") {
  const spec = create(ScheduleSpecSchema, { runAs: { scope, subject } });
  return readRunAs({ caller, actor: caller === undefined ? "bob" : undefined }, spec);
}

const DENIED = expect.objectContaining({ reason: "permission_denied" });

describe("a schedule", () => {
  test.each([
    ["an editor", callerOf("editor"), { runAs: "user", runAsSubject: "ann" }],
    ["an agent", callerOf("editor", true), { runAs: "agent", runAsSubject: "ann" }],
    ["nobody who is known", undefined, { runAs: "user", runAsSubject: "bob" }],
  ])("of %s acts for its maker", (_who, caller, runsAs) => {
    expect(askedBy(caller, UNSPECIFIED)).toEqual(runsAs);
  });

  test("acts for the workspace where an administrator makes it, who is no agent", () => {
    expect(askedBy(callerOf("admin"), ORG)).toEqual({ runAs: "org", runAsSubject: "" });
    expect(() => askedBy(callerOf("editor"), ORG)).toThrow(DENIED);
    expect(() => askedBy(callerOf("admin", true), ORG)).toThrow(DENIED);
  });

  test("acts for another person where an administrator makes it, who is no agent", () => {
    expect(askedBy(callerOf("admin"), USER, "eve").runAsSubject).toBe("eve");
    expect(() => askedBy(callerOf("editor"), USER, "eve")).toThrow(DENIED);
    expect(() => askedBy(callerOf("admin", true), USER, "eve")).toThrow(DENIED);
    expect(() => askedBy(callerOf("admin", true), USER)).toThrow(DENIED);
    expect(() => askedBy(callerOf("editor"), AGENT)).toThrow(DENIED);
  });

  test("acts for a group where who leads it, or an administrator, makes it", () => {
    const ofFinance = { runAs: "group", runAsSubject: "finance" } as const;
    const lead = tokenOf(["editor", "group:finance:lead", "group:sales"]);
    expect(askedBy(lead, GROUP, "finance")).toEqual(ofFinance);
    expect(askedBy(callerOf("admin"), GROUP, "finance")).toEqual(ofFinance);
    expect(() => askedBy(lead, GROUP, "sales")).toThrow(DENIED);
    expect(() => askedBy(callerOf("editor"), GROUP, "ann")).toThrow(DENIED);
    expect(() => askedBy(tokenOf(["admin", "group:finance:lead"], true), GROUP, "finance")).toThrow(
      DENIED,
    );
    expect(() => allowed({ caller: callerOf("editor") }, ofFinance)).toThrow(DENIED);
    for (const subject of ["", "group:finance"]) {
      expect(() => askedBy(lead, GROUP, subject)).toThrow(
        expect.objectContaining({ reason: "invalid_fields" }),
      );
    }
  });

  test("is changed by whom it acts for, and by administrators", () => {
    const ofEve = { runAs: "user", runAsSubject: "eve" } as const;
    expect(() => allowed({ caller: callerOf("editor") }, ofEve)).toThrow(DENIED);
    expect(allowed({ caller: callerOf("admin") }, ofEve)).toEqual(ofEve);
    const ofAnn = { runAs: "user", runAsSubject: "ann" } as const;
    expect(allowed({ caller: callerOf("editor") }, ofAnn)).toEqual(ofAnn);
  });
});
