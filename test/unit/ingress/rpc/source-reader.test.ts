/** The thread that reads source texts: its turns, and texts that take too long. */
import { afterEach, expect, test } from "vitest";
import { MAX_SOURCE_BYTES } from "../../../../src/file/source-text.ts";
import { doSourceJob } from "../../../../src/ingress/rpc/source-jobs.ts";
import {
  createSourceReader,
  type SourceReader,
} from "../../../../src/ingress/rpc/source-reader.ts";

const SOUND = "workflow: w\nsteps:\n  a: { task: A }\n";
/** Takes many seconds to parse. */
const SLOW = `workflow: w\nsteps: [${"1,".repeat(480_000)}]`;
let reader: SourceReader;

afterEach(() => reader.stop());

test("a text that takes too long is refused, and the next one is read", async () => {
  reader = createSourceReader(1_500);
  const slow = reader.read("ws_a", SLOW);
  const next = reader.read("ws_b", SOUND);
  await expect(slow).rejects.toMatchObject({ reason: "too_costly" });
  expect((await next).workflow?.name).toBe("w");
});

test("workspaces take turns, and what waits is bounded", async () => {
  reader = createSourceReader();
  const order: string[] = [];
  const read = async (workspace: string) => {
    await reader.read(workspace, SOUND);
    order.push(workspace);
  };
  const reads = ["a", "a", "a", "b"].map(read);
  await Promise.all(reads);
  expect(order).toEqual(["a", "a", "b", "a"]);
  const many = Array.from({ length: 34 }, () => reader.read("a", SOUND));
  const outcomes = await Promise.allSettled(many);
  const refused = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  expect(refused).toMatchObject([{ reason: "overloaded" }]);
});

test("a simulation takes its turn among the texts, and is played", async () => {
  reader = createSourceReader();
  const request = { input: {}, mocks: new Map([["a", [{ output: { ok: true } }]]]), startMs: 0 };
  const [read, played] = await Promise.all([
    reader.read("a", SOUND),
    reader.simulate("a", { kind: "simulate", of: SOUND, request }),
  ]);
  expect(read.workflow?.name).toBe("w");
  expect(played.simulation).toMatchObject({ outcome: "SUCCEEDED", output: { ok: true } });
  const faulty = await reader.simulate("a", { kind: "simulate", of: "workflow: w\n", request });
  expect(faulty).toMatchObject({ faults: [], unread: { faultCount: 1 } });
});

test("a template that its values make larger than a text that is kept is refused", async () => {
  reader = createSourceReader();
  const places = Array.from({ length: 40 }, (_, n) => `  s${n}: { task: "about $(what)" }\n`);
  const source = `workflow: w\nsteps:\n${places.join("")}`;
  const fill = (what: string) => reader.fill("a", { source, values: { what }, name: "mine" });
  expect((await fill("tea")).sourceText).toContain('"about tea"');
  const large = "x".repeat(100_000);
  await expect(fill(large)).rejects.toMatchObject({
    ...{ reason: "invalid_fields", facts: { fields: [{ field: "parameters" }] } },
  });
  const answer = doSourceJob({ kind: "fill", source, values: { what: large }, name: "mine" });
  expect(answer).toHaveProperty("sourceText.length", MAX_SOURCE_BYTES + 1);
});

test("a workspace that fills the queue keeps no other one out", async () => {
  reader = createSourceReader();
  const many = Array.from({ length: 33 }, () => reader.read("a", SOUND));
  const settled = Promise.allSettled(many);
  const others = ["b", "b", "c"].map((workspace) => reader.read(workspace, SOUND));
  expect(await Promise.all(others)).toMatchObject(Array(3).fill({ workflow: { name: "w" } }));
  await expect(reader.read("a", SOUND)).resolves.toMatchObject({ faultCount: 0 });
  const outcomes = await settled;
  const refused = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  expect(refused).toMatchObject(Array(3).fill({ reason: "overloaded" }));
});

test("a text that no call waits for any more is not read", async () => {
  reader = createSourceReader(300, 20);
  const slow = reader.read("a", SLOW);
  const next = reader.read("a", SOUND);
  const outcomes = await Promise.allSettled([slow, next]);
  expect(outcomes).toMatchObject([
    { reason: { reason: "too_costly" } },
    { reason: { reason: "overloaded" } },
  ]);
  await expect(reader.read("a", SOUND)).resolves.toMatchObject({ workflow: { name: "w" } });
});

test("what waits when the reader stops is refused", async () => {
  reader = createSourceReader();
  const reads = [reader.read("a", SLOW), reader.read("a", SOUND)];
  const settled = Promise.allSettled(reads);
  await reader.stop();
  expect(await settled).toMatchObject(Array(2).fill({ reason: { reason: "unavailable" } }));
  await expect(reader.read("a", SOUND)).rejects.toMatchObject({ reason: "unavailable" });
});
