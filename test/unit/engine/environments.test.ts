/** A run of an environment: what its expressions read, which events its waits take, and what its calls say. */
import { describe, expect, it } from "vitest";
import { startKeyOf } from "../../../src/engine/values/environment.ts";
import { EngineRun, step, version } from "../../support/engine/engine-run.ts";

const ARRIVED = { source: "crm", type: "go.on", subject: "", time: "", data: {} };

function waiting(environment: string | undefined): EngineRun {
  const spec = version(
    [step({ id: "w", stepType: "WAIT_FOR_EVENT", eventTypePattern: "go.on" })],
    [],
  );
  const run = new EngineRun(spec, {}, environment === undefined ? {} : { environment });
  run.put({ kind: "run_begun" });
  return run;
}

describe("a wait", () => {
  it.each([
    ["production", undefined, undefined, "applied"],
    ["production", undefined, "production", "applied"],
    ["production", undefined, "staging", "unchanged"],
    ["staging", "staging", undefined, "unchanged"],
    ["staging", "staging", "staging", "applied"],
    ["staging", "staging", "qa", "unchanged"],
  ])("of a run in %s (%j) with an event of %j: %s", (_, environment, ofEvent, expected) => {
    const run = waiting(environment);
    const extensions = ofEvent === undefined ? {} : { extensions: { environment: ofEvent } };
    const event = { ...ARRIVED, id: "e1", ...extensions };
    expect(run.put({ kind: "event_arrived", stepIndex: 0, event }).kind).toBe(expected);
  });
});

describe("a start", () => {
  it("has another key in each environment, and in production that of before", () => {
    const keys = [undefined, "staging", "qa"].map((name) => startKeyOf(name, "e1"));
    expect(new Set(keys).size).toBe(3);
    expect(keys[0]).toBe("e1");
  });
});
