/** Which failed calls are retried, and when the breaker of a collaborator opens. */
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createBreaker } from "../../../src/collaborators/breaker.ts";
import { CallFailure, type FailureFacts } from "../../../src/collaborators/call-failure.ts";
import {
  backoffMs,
  isInternalAnswer,
  judgeFailure,
} from "../../../src/collaborators/call-policy.ts";
import { translateConnectError } from "../../../src/collaborators/framed-transport.ts";
import { createLookupCache } from "../../../src/collaborators/lookup-cache.ts";

const FIRST = { tries: 1, internalAnswers: 0 };

function failed(facts: Partial<FailureFacts>): CallFailure {
  return new CallFailure("said so", { kind: "answered", code: Code.Unknown, ...facts });
}

describe("the policy", () => {
  it.each([
    Code.Unavailable,
    Code.DeadlineExceeded,
    Code.ResourceExhausted,
    Code.Aborted,
    Code.Canceled,
    Code.Internal,
    Code.Unknown,
  ])("code %i is retried", (code) => {
    expect(judgeFailure(failed({ code }), FIRST, 0.5)).toEqual({ kind: "again", delayMs: 150 });
  });

  it.each([
    Code.InvalidArgument,
    Code.NotFound,
    Code.AlreadyExists,
    Code.PermissionDenied,
    Code.FailedPrecondition,
    Code.OutOfRange,
    Code.Unimplemented,
    Code.DataLoss,
    Code.Unauthenticated,
  ])("code %i is a refusal", (code) => {
    expect(judgeFailure(failed({ code }), FIRST, 0.5).kind).toBe("refused");
  });

  it("a refusal says what the collaborator said", () => {
    const verdict = judgeFailure(failed({ code: Code.NotFound }), FIRST, 0);
    expect(verdict).toEqual({ kind: "refused", message: "NOT_FOUND: said so" });
  });

  it("INTERNAL is a refusal the fifth time in a row; a broken connection never is", () => {
    const fifth = { tries: 9, internalAnswers: 5 };
    expect(judgeFailure(failed({ code: Code.Internal }), fifth, 0).kind).toBe("refused");
    const broken = failed({ kind: "broken", code: Code.Internal });
    expect(isInternalAnswer(broken)).toBe(false);
    expect(judgeFailure(broken, { tries: 900, internalAnswers: 0 }, 0).kind).toBe("again");
  });

  it("a stored server failure is a refusal, a stored answer otherwise is judged by its code", () => {
    const stored = { code: Code.Unavailable, replayed: true };
    expect(judgeFailure(failed({ ...stored, httpStatus: 503 }), FIRST, 0).kind).toBe("refused");
    expect(judgeFailure(failed({ ...stored, httpStatus: 429 }), FIRST, 0).kind).toBe("again");
  });

  it("delays double from 200 ms to 30 s, by chance down to half", () => {
    expect([1, 2, 3, 20, 2_000].map((tries) => backoffMs(tries, 1))).toEqual([
      200, 400, 800, 30_000, 30_000,
    ]);
    expect(backoffMs(1, 0)).toBe(100);
  });
});

describe("errors of the general client", () => {
  it("a reset stream is a broken connection whatever its code", () => {
    const cause = Object.assign(new Error("stream"), { code: "ERR_HTTP2_STREAM_ERROR" });
    const error = new ConnectError("x", Code.Internal, undefined, undefined, cause);
    expect(translateConnectError(error).kind).toBe("broken");
  });
  it("a size limit of our own is no back-pressure", () => {
    expect(translateConnectError(new ConnectError("x", Code.ResourceExhausted)).kind).toBe(
      "unreadable",
    );
    const error = new ConnectError("x", Code.ResourceExhausted, { "content-type": "x" });
    expect(translateConnectError(error).kind).toBe("answered");
  });
});

describe("the breaker", () => {
  it("opens after five failures in a row and lets one probe through, later and later", () => {
    const breaker = createBreaker();
    for (let i = 0; i < 5; i += 1) {
      expect(breaker.waitMs(0)).toBe(0);
      breaker.begin();
      breaker.failed(0);
    }
    expect(breaker.isOpen).toBe(true);
    expect(breaker.waitMs(0)).toBe(1_000);
    expect(breaker.waitMs(1_000)).toBe(0);
    breaker.begin();
    expect(breaker.waitMs(1_000)).toBe(Number.POSITIVE_INFINITY);
    breaker.failed(1_000);
    expect(breaker.waitMs(1_000)).toBe(2_000);
    for (let at = 3_000; at < 100_000; at += 10_000) {
      breaker.begin();
      breaker.failed(at);
    }
    breaker.begin();
    breaker.failed(100_000);
    expect(breaker.waitMs(100_000)).toBe(10_000);
    breaker.begin();
    breaker.succeeded();
    expect([breaker.isOpen, breaker.waitMs(100_000)]).toEqual([false, 0]);
  });

  it("a success in between starts the count anew", () => {
    const breaker = createBreaker();
    for (let i = 0; i < 20; i += 1) {
      breaker.begin();
      if (i % 4 === 3) breaker.succeeded();
      else breaker.failed(0);
    }
    expect(breaker.isOpen).toBe(false);
  });
});

describe("the look-up cache", () => {
  const bare = { kind: "look_up", workspaceId: "ws", skillId: "", promptName: "" } as const;
  const call = { ...bare, agentId: "", capability: "c" };

  it("an agent that is named needs no call, unless it has a skill or a prompt to look for", () => {
    const cache = createLookupCache({});
    const named = { ...bare, agentId: "a1", capability: "" };
    expect(cache.choose(named)).toEqual({ agentId: "a1", skillId: "" });
    expect(cache.choose({ ...named, skillId: "s" })).toBeUndefined();
    cache.keepSkill("ws", "s");
    expect(cache.choose({ ...named, skillId: "s" })).toEqual({ agentId: "a1", skillId: "s" });
    expect(cache.choose({ ...named, promptName: "p" })).toBeUndefined();
    cache.keepPrompt("a1", { promptName: "p" }, { name: "p", version: 3, versionId: "v3" });
    expect(cache.choose({ ...named, promptName: "p" })?.prompt).toMatchObject({ version: 3 });
    const staged = { ...named, promptName: "p", environment: "staging" };
    expect(cache.choose(staged)).toBeUndefined();
    cache.keepPrompt("a1", staged, { name: "p", version: 4, versionId: "v4" });
    expect(cache.choose(staged)?.prompt).toMatchObject({ version: 4 });
  });

  it("work is spread by load over the agents found, never over those of another workspace", () => {
    const cache = createLookupCache({});
    expect(cache.choose(call)).toBeUndefined();
    cache.keepAgents("ws", "c", [
      { agentId: "small", current: 0, max: 1 },
      { agentId: "large", current: 0, max: 3 },
    ]);
    const given = Array.from({ length: 4 }, () => cache.choose(call)?.agentId);
    expect(given.filter((id) => id === "large")).toHaveLength(3);
    expect(cache.choose({ ...call, workspaceId: "other" })).toBeUndefined();
  });
});
