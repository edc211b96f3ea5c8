/** The cache of tokens: how long, how many and how often. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Callers } from "../../../../src/collaborators/identity/callers.ts";
import {
  type GoodToken,
  rememberCallers,
} from "../../../../src/collaborators/identity/token-memory.ts";
import { Refusal } from "../../../../src/process/refusal.ts";

const STARTED_MS = 1_700_000_000_000;
let wallMs = 0;
let steadyMs = 0;
let asked: string[] = [];
const clocks = { wallMs: () => wallMs, steadyMs: () => steadyMs };

beforeEach(() => {
  wallMs = STARTED_MS;
  steadyMs = 0;
  asked = [];
});

function pass(ms: number): void {
  wallMs += ms;
  steadyMs += ms;
}

function goodFor(subject: string, ms = Number.POSITIVE_INFINITY): GoodToken {
  const caller = { subject, workspaceId: "ws", scopes: new Set<never>(), isAgent: false };
  return { caller, expiresAtMs: wallMs + ms };
}

function remember(answers: (token: string) => GoodToken | undefined, keptAtMost = 100): Callers {
  const judge = async (token: string) => {
    asked.push(token);
    return answers(token);
  };
  return rememberCallers(judge, clocks, keptAtMost);
}

describe("a good token", () => {
  test("is introspected once in 30 s", async () => {
    const callers = remember((token) => goodFor(token));
    expect((await callers.find("a"))?.subject).toBe("a");
    pass(29_999);
    expect((await callers.find("a"))?.subject).toBe("a");
    expect(asked).toEqual(["a"]);
    pass(1);
    await callers.find("a");
    expect(asked).toEqual(["a", "a"]);
  });

  test("is not used past its expiry, also after a new look-up", async () => {
    const good = goodFor("a", 10_000);
    const callers = remember(() => good);
    pass(9_999);
    expect(await callers.find("a")).toBeDefined();
    pass(1);
    expect(await callers.find("a")).toBeUndefined();
    expect(asked).toEqual(["a", "a"]);
  });

  test("ends with its time also when it was kept before, and when this machine's clock is set", async () => {
    const callers = remember(() => goodFor("a", 10_000));
    await callers.find("a");
    wallMs += 10_000;
    await callers.find("a");
    expect(asked).toEqual(["a", "a"]);
    wallMs -= 86_400_000;
    pass(30_000);
    await callers.find("a");
    expect(asked).toEqual(["a", "a", "a"]);
  });

  test("is identified by its whole text", async () => {
    const callers = remember((token) => goodFor(token));
    expect((await callers.find("a"))?.subject).toBe("a");
    expect((await callers.find("ab"))?.subject).toBe("ab");
  });
});

test("a refused token is introspected once in 5 s", async () => {
  let answer: GoodToken | undefined;
  const callers = remember(() => answer);
  expect(await callers.find("a")).toBeUndefined();
  answer = goodFor("a");
  pass(4_999);
  expect(await callers.find("a")).toBeUndefined();
  expect(asked).toEqual(["a"]);
  pass(1);
  expect(await callers.find("a")).toBeDefined();
});

test("the least recently used token is evicted first", async () => {
  const callers = remember((token) => goodFor(token), 2);
  for (const token of ["a", "b", "a", "c", "a"]) await callers.find(token);
  expect(asked).toEqual(["a", "b", "c"]);
  await callers.find("b");
  expect(asked).toEqual(["a", "b", "c", "b"]);
});

test("made-up tokens evict no good one", async () => {
  const callers = remember((token) => (token === "a" ? goodFor("a") : undefined), 2);
  for (const token of ["a", "x", "y", "z", "a"]) await callers.find(token);
  expect(asked).toEqual(["a", "x", "y", "z"]);
});

test("calls at once share one question", async () => {
  const callers = remember((token) => goodFor(token));
  const found = await Promise.all(["a", "a", "b", "a"].map((token) => callers.find(token)));
  expect(found.map((caller) => caller?.subject)).toEqual(["a", "a", "b", "a"]);
  expect(asked).toEqual(["a", "b"]);
});

test("a failed look-up is reported to all who wait for it, and not cached", async () => {
  let away = true;
  const callers = remember(() => {
    if (away) throw new Refusal("unavailable", "away");
    return goodFor("a");
  });
  const found = await Promise.allSettled([callers.find("a"), callers.find("a")]);
  expect(found.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(asked).toEqual(["a"]);
  away = false;
  expect(await callers.find("a")).toBeDefined();
});
