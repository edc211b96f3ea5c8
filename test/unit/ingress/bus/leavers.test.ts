/** Who left, as events of the identity service say it. */
import { describe, expect, test } from "vitest";
import { leaverOf } from "../../../../src/ingress/bus/leavers.ts";
import { decodeBusMessage } from "../../../../src/wire/bus/events.ts";

const ACTIVE = { user_id: "user_ann", organization_id: "ws_1", status: "active", role: "editor" };
const CHANGE = { aggregate_type: "member", aggregate_id: "mem_1", operation: "updated" };

/** Why nothing is to start for the person of an event; undefined: things go on. */
function whyOf(data: object, subject = "identity.changes.member.updated", more: object = {}) {
  const event = { specversion: "1.0", id: "e1", source: "identity", type: subject, ...more };
  const body = JSON.stringify({ ...event, tenantid: "ws_1", data });
  const decoded = decodeBusMessage({ subject, headers: new Map(), data: Buffer.from(body) });
  if (decoded.ok !== true) throw new Error("the event cannot be read");
  return leaverOf(decoded.event);
}

const reasonOf = (...event: Parameters<typeof whyOf>) => whyOf(...event)?.reason;

describe("a person has left", () => {
  test("when a change of the member says so, whatever the member was before", () => {
    expect(whyOf({ ...CHANGE, operation: "removed", payload: ACTIVE })).toEqual({
      ...{ workspaceId: "ws_1", userId: "user_ann", by: "identity" },
      reason: "user_ann left the workspace",
    });
    const user = { ...CHANGE, aggregate_type: "user", aggregate_id: "user_ann" };
    expect(reasonOf({ ...user, operation: "delete", payload: {} })).toBe(
      "user_ann left the workspace",
    );
  });

  test.each([
    ...["removed", "deleted", "deactivated", "suspended", "disabled", "revoked"],
    ...["deprovisioned", "left", "suspend", "Deprovision"],
  ])("by the operation %s", (operation) => {
    expect(reasonOf({ ...CHANGE, operation, payload: ACTIVE })).toBe("user_ann left the workspace");
    expect(reasonOf(ACTIVE, `identity.changes.member.${operation}`)).toBeDefined();
  });

  test.each(["MEMBER_STATUS_INACTIVE", "Suspended", "deactivated"])(
    "with the status %s",
    (status) => {
      expect(reasonOf({ ...CHANGE, payload: { ...ACTIVE, status } })).toMatch(/is [a-z]+ in the/);
    },
  );

  test("when a member comes typed, or as plain JSON of an event of that name", () => {
    const dataschema = "identity.v1.Member";
    const gone = { ...ACTIVE, status: "inactive" };
    expect(reasonOf(gone, "identity.changes.people.updated", { dataschema })).toBeDefined();
    expect(reasonOf(ACTIVE, "identity.changes.member.removed")).toBeDefined();
  });

  test("with a role that starts no runs", () => {
    expect(reasonOf({ ...CHANGE, payload: { ...ACTIVE, role: "viewer" } })).toBe(
      "user_ann has the role viewer now, which starts no runs",
    );
  });
});

describe("a person stays", () => {
  test.each([
    ["and is active", ACTIVE],
    ["invited", { ...ACTIVE, status: "invited" }],
    ["with a role that is not known here", { ...ACTIVE, role: "owner" }],
    ["as an operator", { ...ACTIVE, role: "MEMBER_ROLE_OPERATOR" }],
    ["without a word of status and role", { user_id: "user_ann" }],
  ])("%s", (_, payload) => {
    expect(whyOf({ ...CHANGE, payload })).toBeUndefined();
  });

  test("when another thing of theirs ends", () => {
    const session = { ...CHANGE, aggregate_type: "session", operation: "deleted", payload: ACTIVE };
    expect(whyOf(session)).toBeUndefined();
    expect(whyOf(ACTIVE, "identity.changes.session.deleted")).toBeUndefined();
  });

  test("when another service than the identity service says so", () => {
    const removed = { ...CHANGE, operation: "removed", payload: ACTIVE };
    expect(whyOf(removed, "siphon.tap.member.removed")).toBeUndefined();
  });
});
