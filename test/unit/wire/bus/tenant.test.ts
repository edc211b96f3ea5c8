/** Whose a message is, as far as it says. */
import { expect, test } from "vitest";
import { workspaceOfMessage } from "../../../../src/wire/bus/tenant.ts";

const EVENT = { specversion: "1.0", id: "1", source: "s", type: "t", data: {} };

test.each([
  ["an event", "shop.x", {}, { ...EVENT, tenantid: "ws" }, "ws"],
  ["an event whose data names it", "shop.x", {}, { ...EVENT, data: { tenant_id: "ws" } }, "ws"],
  ["an event of none", "shop.x", {}, EVENT, undefined],
  ["an event without a type", "shop.x", {}, { ...EVENT, type: "", tenantid: "ws" }, "ws"],
  ["a header beside a body that is no JSON", "shop.x", { "ce-tenantid": " ws " }, "{", "ws"],
  ["a body that is no JSON", "shop.x", {}, "{", undefined],
  ["a list", "shop.x", {}, [{ tenantid: "ws" }], undefined],
  ["a name that is no text", "shop.x", {}, { tenantid: {} }, undefined],
  ["a name that is too long", "shop.x", {}, { tenantid: "w".repeat(257) }, undefined],
  ["a name with NUL", "shop.x", {}, { tenantid: "a\u0000b" }, undefined],
  ["results of a worker", "workflows.results.ws.docs", {}, "no JSON", "ws"],
  ["results of no queue", "workflows.results.ws", {}, { tenantid: "other" }, undefined],
])("%s", (_what, subject, headers, body, expected) => {
  const data = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const message = { subject, headers: new Map(Object.entries(headers)), data };
  expect(workspaceOfMessage(message)).toBe(expected);
});
