/** Edits of an approver (config.editable): what they may change, when they count, and what goes on. */
import { describe, expect, it, test } from "vitest";
import {
  editableOf,
  findEditFault,
  markedReason,
  readMark,
} from "../../../src/engine/steps/approvals/edits.ts";
import { approvalDigest } from "../../../src/engine/values/digest.ts";
import type { ApprovalReport } from "../../../src/engine/values/input.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { mergePatch } from "../../../src/engine/values/merge-patch.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const INPUT = { amount: 900, to: { name: "Sam", mail: "s@x" }, memo: "old" };
const EDITABLE = ["amount", "to.mail", "memo"];

function gateRun(config: JsonObject = {}, input: JsonObject = INPUT): EngineRun {
  const gate = { id: "g", stepType: "APPROVAL_GATE", actionType: "pay" } as const;
  const given = { editable: EDITABLE, approvers: ["ann"], ...config };
  const steps = [
    step({ ...gate, config: given }),
    step({ id: "pay", config: { instructions: "x" } }),
  ];
  const run = EngineRun.start(version(steps, [edge("g>pay", "approved")]), input);
  run.answer("g", { kind: "request_approval", requestId: "r1", autoApproved: false });
  return run;
}

function keep(run: EngineRun, patch: JsonObject, by = "ann", requestId = "r1") {
  return run.put({ kind: "edits_kept", order: { stepId: "g", requestId, patch, by } });
}

function decide(run: EngineRun, reason: string, more: Partial<ApprovalReport> = {}) {
  const report = { requestId: "r1", decision: "APPROVED", decidedBy: "ann", reason, digest: "" };
  return run.put({ kind: "approval_decided", stepIndex: 0, report: { ...report, ...more } });
}

const digestOf = (patch: JsonObject, input: JsonObject = INPUT) =>
  approvalDigest("g", 1, mergePatch(input, patch));

describe("an approval with edits", () => {
  it("gives the edited input on, with the patch, who edited and the digest of what was approved", () => {
    const run = gateRun();
    const patch = { amount: 400, to: { mail: null }, memo: null };
    expect(keep(run, patch)).toEqual({ kind: "applied" });
    const asked = run.rows.get(0)?.detail.digest;
    expect(
      decide(run, markedReason(digestOf(patch), "half of it"), { digest: asked ?? "" }),
    ).toEqual({ kind: "applied" });
    expect(run.states).toBe("g:COMPLETED pay:WAITING");
    expect(run.output("g")).toEqual({
      ...{ amount: 400, to: { name: "Sam" }, edits: patch, edited_by: "ann" },
      digest: digestOf(patch),
      approvals: [
        {
          ...{ approval_request_id: "r1", approver: "ann", decision: "approved" },
          ...{ decided_by: "ann", reason: "half of it" },
        },
      ],
    });
    expect(run.inputOf("g")).toEqual(INPUT);
    expect(run.inputOf("pay")).toMatchObject({ amount: 400, to: { name: "Sam" } });
    expect(run.rows.get(0)?.detail).toMatchObject({ digest: asked });
    expect(run.rows.get(0)?.detail.edits).toBeUndefined();
  });

  it("names the fields in the history, when they are kept and when they count", () => {
    const run = gateRun();
    const patch = { to: { mail: "t@x" }, memo: "new" };
    keep(run, patch);
    decide(run, markedReason(digestOf(patch), ""));
    const moves = run.history.slice(-2).map((row) => row.moves[0]);
    expect(moves).toMatchObject([
      { of: "step", step: 0, note: "recorded", reason: "edits to.mail, memo" },
      { of: "step", step: 0, note: "edited", reason: "to.mail, memo" },
    ]);
  });

  it("counts in a paused run, whose next step begins at the resume", () => {
    const run = gateRun();
    keep(run, { amount: 1 });
    run.put({ kind: "pause_requested", reason: "" });
    decide(run, markedReason(digestOf({ amount: 1 }), ""));
    expect(run.states).toBe("g:COMPLETED pay:PENDING");
    run.put({ kind: "resume_requested" });
    expect(run.inputOf("pay")).toMatchObject({ amount: 1 });
  });

  it("takes up the edits that the decision names, of several that were kept", () => {
    const run = gateRun();
    keep(run, { amount: 1 });
    keep(run, { amount: 2 });
    keep(run, { amount: 3 }, "bob");
    decide(run, markedReason(digestOf({ amount: 1 }), ""));
    expect(run.output("g")).toMatchObject({ amount: 1, edited_by: "ann" });
  });
});

test.each<[string, string, Partial<ApprovalReport>]>([
  ["a decision without their digest", "as asked", {}],
  [
    "an automatic approval",
    markedReason(digestOf({ amount: 1 }), ""),
    { decision: "AUTO_APPROVED" },
  ],
])("kept edits do not count for %s: the input goes on as it was asked", (_, reason, more) => {
  const run = gateRun();
  keep(run, { amount: 1 });
  decide(run, reason, more);
  expect(run.output("g")).toMatchObject({ ...INPUT, digest: digestOf({}) });
  expect(run.output("g")).not.toHaveProperty("edits");
});

test.each<[string, string, Partial<ApprovalReport>]>([
  ["of another person", markedReason(digestOf({ amount: 1 }), ""), { decidedBy: "bob" }],
  ["with the digest of other edits", markedReason(digestOf({ amount: 2 }), ""), {}],
])("an approval %s counts as a denial: what was approved is not known", (_, reason, more) => {
  const run = gateRun();
  keep(run, { amount: 1 });
  decide(run, reason, more);
  expect(run.states).toBe("g:FAILED pay:CANCELLED");
  expect(run.run.state).toBe("FAILED");
});

test("a denial with the mark of edits denies, and what is reported by hand has no edits", () => {
  const denied = gateRun();
  keep(denied, { amount: 1 });
  decide(denied, markedReason(digestOf({ amount: 1 }), "no"), { decision: "DENIED" });
  expect(denied.run.state).toBe("FAILED");
  const byHand = gateRun();
  keep(byHand, { amount: 1 });
  byHand.report("g", "COMPLETED", { agentId: "ann" });
  expect(byHand.output("g")).toMatchObject({ amount: 900 });
});

test("edits of one request do not count for the one that follows it", () => {
  const config = { escalate_after_seconds: 5, escalate_to: ["bob"] };
  const run = gateRun(config);
  keep(run, { amount: 1 });
  run.now += 5_000;
  run.put({ kind: "step_due", stepIndex: 0 });
  run.answer("g", { kind: "request_approval", requestId: "r2", autoApproved: false });
  expect(keep(run, { amount: 2 })).toMatchObject({ kind: "refused", reason: "illegal_move" });
  const reason = markedReason(digestOf({ amount: 1 }), "");
  decide(run, reason, { requestId: "r2" });
  expect(run.run.state).toBe("FAILED");
});

test("the same edits are kept once, and a gate keeps 16 of them", () => {
  const run = gateRun();
  expect(keep(run, { amount: 0 })).toEqual({ kind: "applied" });
  expect(keep(run, { amount: 0 })).toEqual({ kind: "unchanged" });
  for (let amount = 1; amount < 16; amount += 1) {
    expect(keep(run, { amount })).toEqual({ kind: "applied" });
  }
  expect(keep(run, { amount: 16 })).toMatchObject({ kind: "refused", reason: "illegal_move" });
  expect(keep(run, { amount: 3 })).toEqual({ kind: "unchanged" });
});

test("edits are refused where the output with them would be too large, and the gate stays open", () => {
  const run = gateRun();
  const refused = keep(run, { memo: "x".repeat(120 * 1024) });
  expect(refused).toMatchObject({ kind: "refused", reason: "bad_input", field: "edits" });
  expect(run.states).toBe("g:WAITING pay:PENDING");
  expect(keep(run, { memo: "x".repeat(100 * 1024) })).toEqual({ kind: "applied" });
  expect(keep(run, { memo: "y".repeat(100 * 1024) })).toEqual({ kind: "applied" });
  const full = keep(run, { memo: "z".repeat(100 * 1024) });
  expect(full).toMatchObject({ kind: "refused", reason: "illegal_move" });
});

test("edits that the output cannot name are refused, though the edited input is as deep as an input may be", () => {
  const nested = (levels: number): JsonObject => (levels === 1 ? {} : { in: nested(levels - 1) });
  const run = gateRun();
  expect(keep(run, { memo: nested(63) })).toMatchObject({ reason: "bad_input", field: "edits" });
  const patch = { memo: nested(62) };
  keep(run, patch);
  decide(run, markedReason(digestOf(patch), ""));
  expect(run.states).toBe("g:COMPLETED pay:WAITING");
});

test.each([
  ["a gate that has ended", "g", "r1"],
  ["a request that is not the gate's", "g", "r9"],
])("edits of %s are refused", (what, _step, requestId) => {
  const run = gateRun();
  if (what.includes("ended")) decide(run, "");
  const refused = keep(run, { amount: 1 }, "ann", requestId);
  expect(refused).toMatchObject({ kind: "refused", reason: "illegal_move" });
});

test.each<[string, JsonObject, string]>([
  ["a field that is not named", { amount: 1, total: 2 }, "total"],
  ["a field beside a named one", { to: { mail: "t@x", name: "Tim" } }, "to.name"],
  ["all of the object around a named field", { to: null }, "to"],
  ["the object around a named field by a text", { to: "x" }, "to"],
  ["the object around a named field by nothing", { to: {} }, "to"],
  ["a name that looks like a path", { "to.mail": "x" }, "to.mail"],
  ["a name of the language", JSON.parse('{"__proto__": {"mail": 1}}'), "__proto__"],
])("an edit of %s is refused", (_, patch, path) => {
  expect(findEditFault(EDITABLE, INPUT, patch)).toMatchObject({ path });
  const run = gateRun();
  expect(keep(run, patch)).toMatchObject({ reason: "bad_input", field: `edits.${path}` });
});

test("a named field takes any value, below an object that is missing too, but not below a text", () => {
  const patches: JsonObject[] = [{ memo: { a: [1] } }, { memo: null, to: { mail: 1 } }];
  for (const patch of patches) {
    expect(findEditFault(EDITABLE, INPUT, patch)).toBeUndefined();
  }
  expect(findEditFault(EDITABLE, {}, { to: { mail: "t@x" } })).toBeUndefined();
  expect(findEditFault(EDITABLE, { to: "Sam" }, { to: { mail: "t@x" } })).toMatchObject({
    path: "to",
  });
  expect(findEditFault([], INPUT, { amount: 1 })).toMatchObject({ path: "" });
  expect(editableOf(step({ id: "g", config: { editable: "amount" } }))).toEqual([]);
});

// The examples of RFC 7396, appendix A, that have objects on both sides.
test.each<[JsonObject, JsonObject, JsonObject]>([
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])("%j with %j is %j", (target, patch, merged) => {
  const before = structuredClone(target);
  expect(mergePatch(target, patch)).toEqual(merged);
  expect(target).toEqual(before);
});

test("a reason gives its mark back, and a text that only looks like one is a reason", () => {
  const digest = digestOf({});
  expect(readMark(markedReason(digest, "so"))).toEqual({ digest, reason: "so" });
  expect(readMark(markedReason(digest, ""))).toEqual({ digest, reason: "" });
  expect(readMark(markedReason(undefined, "so"))).toEqual({ reason: "so" });
  expect(readMark(`see ${markedReason(digest, "so")}`)).not.toHaveProperty("digest");
});
