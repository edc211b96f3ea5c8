/** Where recipients of notifications lead, and that no recipient leads past the settings. */
import { describe, expect, test } from "vitest";
import { findDestination, namesOf } from "../../../src/builtin/notifications/addresses.ts";

const ADDRESSES = {
  hasMail: true,
  targets: {
    "slack:#a": "https://slack/a",
    "ws_1/slack:#a": "https://slack/a_of_1",
    slack: "https://slack/any",
    sms: "https://sms",
    ann: "mailto:ann%2Bx@example.com",
    spoilt: "mailto:%",
    eva: "MAILTO:eva@example.com",
    loud: "HTTPS://loud/x",
    "ws_2/ann": "mailto:ann@example.org",
    "ws_2/ops": "https://ops/of_2",
    "ws_2/sms": "https://sms/of_2",
    "ws_2/slack": "https://slack/any_of_2",
    "ws_2/slack:#b": "https://slack/b_of_2",
    "ws/2/bob": "mailto:bob@example.org",
  },
  origins: ["https://hooks.example.com"],
};

test.each([
  ["#a, #b,,", "slack", ["slack:#a", "slack:#b"]],
  ["slack:#a,#a", "slack", ["slack:#a"]],
  ["ann@example.com", "email", ["ann@example.com"]],
  ["https://x/y", "webhook", ["https://x/y"]],
  ["", "slack", ["slack"]],
  [" , ", "email", []],
  ["", "", []],
])("%j by %j names %j", (recipient, channel, names) => {
  expect(namesOf(recipient, channel)).toEqual(names);
});

describe("leads to", () => {
  test.each([
    ["ann@example.com", { kind: "email", to: "ann@example.com" }],
    ["ann", { kind: "email", to: "ann+x@example.com" }],
    ["eva", { kind: "email", to: "eva@example.com" }],
    ["loud", { kind: "webhook", url: "HTTPS://loud/x" }],
    [
      "HTTPS://hooks.example.com/x",
      { kind: "webhook", url: "HTTPS://hooks.example.com/x", isNamed: true },
    ],
    ["slack:#a", { kind: "slack", url: "https://slack/a" }],
    ["slack", { kind: "slack", url: "https://slack/any" }],
    ["sms:+49", { kind: "webhook", url: "https://sms" }],
    [
      "webhook:https://hooks.example.com/x",
      { kind: "webhook", url: "https://hooks.example.com/x", isNamed: true },
    ],
  ])("%s", (name, to) => {
    expect(findDestination(ADDRESSES, "ws", name)).toEqual({ ok: true, to });
  });
  test("the workspace's own target first", () => {
    const found = findDestination(ADDRESSES, "ws_1", "slack:#a");
    expect(found).toMatchObject({ to: { url: "https://slack/a_of_1" } });
  });
});

test.each([
  "slack:#b",
  "spoilt",
  "constructor",
  "a@b.c, d@e.f",
  "a@b.c\nBcc: d@e.f",
  "http://hooks.example.com/x",
  "https://hooks.example.com.evil.net/x",
  "https://hooks.example.com@evil.net/x",
  "https://hooks.example.com:8443/x",
  "file:///etc/passwd",
  "",
])("%j leads nowhere", (name) => {
  expect(findDestination(ADDRESSES, "ws", name).ok).toBe(false);
});

describe("a target of another workspace is reached by no name:", () => {
  test.each([
    ["ws_2/slack:#b", ""],
    ["ws_2/slack:#b", "email"],
    ["ws_2/slack:#b", "slack"],
    ["ws_2/slack", ""],
    ["#b", "slack"],
    ["ws_2/sms", ""],
    ["ws_2/ops", ""],
    ["ws_2/ops", "webhook"],
    ["", "ws_2/slack"],
    ["#b", "ws_2/slack"],
    ["ws_2/ann", "email"],
    ["mailto:ws_2/ann", ""],
    ["2/bob", "email"],
  ])("%j by %j", (recipient, channel) => {
    for (const name of namesOf(recipient, channel)) {
      expect(findDestination(ADDRESSES, "ws", name).ok).toBe(false);
    }
  });
  test("a receiver of a whole channel is the workspace's own", () => {
    const [name = ""] = namesOf("ws_2/sms", "sms");
    expect(findDestination(ADDRESSES, "ws", name)).toMatchObject({ to: { url: "https://sms" } });
  });
});

test("without a server of e-mail an address leads nowhere", () => {
  const found = findDestination({ ...ADDRESSES, hasMail: false }, "ws", "ann@example.com");
  expect(found).toEqual({ ok: false, problem: "NOTIFICATIONS_SMTP_URL is not set" });
});
