/** What a start answers without a read, beside what a read gives. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { findRunRows } from "../../support/histories/stored-run.ts";
import { randomNumbers } from "../../support/random/random-numbers.ts";
import { RUN_INPUT, randomVersion } from "../../support/random/random-version.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
} from "../../support/services/processor.ts";

const SEEDS = 60;
let at: TestProcessor;

beforeAll(async () => {
  at = await startProcessor();
});
afterAll(async () => {
  await at.stop();
});

async function start(name: string, spec: Parameters<typeof publish>[2], input: JsonObject) {
  const version = await publish(at.database, name, spec);
  const settled = await at.processor.submit({
    kind: "start",
    start: startOf(version, { input }),
    cause: { kind: "rpc", id: "StartRun" },
  });
  const read = await findRunRows(at.database.read, settled.runId);
  return { started: settled.started?.(), read };
}

const WAITS = versionOf([stepOf("wait", { stepType: "HUMAN_TASK", name: "wait" })], []);

describe("a run that was started is as a read gives it", () => {
  it("whatever its version is", async () => {
    let kept = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const spec = randomVersion(randomNumbers(seed));
      const { started, read } = await start(`random ${seed}`, spec, RUN_INPUT);
      // What follows the first move may be there already.
      if (started === undefined || read?.run.seq !== started.run.seq) continue;
      kept += 1;
      // A row has room for four edges a byte.
      const edgeMarks = read.run.edgeMarks.slice(0, started.graph.edges.length);
      expect(started.run).toEqual({ ...read.run, edgeMarks });
      expect(started.input).toEqual(read.input);
      const { steps } = started;
      expect(new Map([...steps].sort(([a], [b]) => a - b))).toEqual(read.steps);
      expect(read.missing).toMatchObject({ runInput: false });
      expect(read.childIds.size).toBe(0);
    }
    expect(kept).toBeGreaterThan(SEEDS / 2);
  });

  it("with the keys of its payloads in the order of the database", async () => {
    const input = { zzz: 1, b: { yy: -0, a: [{ ccc: 1, c: 2 }] }, é: "é", "": null };
    const { started, read } = await start("keys", WAITS, input);
    expect(started).toBeDefined();
    // As text, for the order of keys counts.
    expect(JSON.stringify(started?.input)).toBe(JSON.stringify(read?.input));
  });

  it("and is left to a read when a payload is large", async () => {
    const { started, read } = await start("large", WAITS, { text: "x".repeat(40_000) });
    expect(started).toBeUndefined();
    expect(read?.input).toMatchObject({ text: expect.stringContaining("xxx") });
  });
});
