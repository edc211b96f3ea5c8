/** The engine runs in a browser: it bundles without Node's modules, and works where only the language's globals exist. */
import { createContext, runInContext } from "node:vm";
import { type BuildOptions, build } from "esbuild";
import { expect, test } from "vitest";
import { projectRoot } from "../../tools/run-command.ts";

// A run through conditions, templates, a regular expression, a digest and the compiler's faults.
const PROGRAM = `
import { checkVersion } from "./src/engine/graph/check.ts";
import { EngineRun, edge, step, version } from "./test/support/engine/engine-run.ts";
const asks = step({
  id: "ask",
  stepType: "APPROVAL_GATE",
  approverPrincipalId: "chief",
  config: { input: { who: "\${{ input.name }}" } },
});
const branch = step({ id: "b", stepType: "BRANCH" });
const lower = edge("b>ask", "", "input.name.matches('^[a-z]+$')");
const run = EngineRun.start(version([branch, asks], [lower]), { name: "ann" });
const spec = version([asks]);
const trigger = { ...spec.trigger, triggerType: "SCHEDULE", cronExpr: "61 * * * *" };
const faults = checkVersion({ ...spec, trigger }).map(({ field }) => field);
const calls = [...run.openCalls.values()].map(({ call }) => call.kind);
result = JSON.stringify({ state: run.run.state, steps: run.states, calls, faults });
`;

const bundle = (contents: string, more: BuildOptions = {}) =>
  build({
    stdin: { contents, resolveDir: projectRoot, loader: "ts" },
    bundle: true,
    write: false,
    platform: "browser",
    format: "iife",
    logLevel: "silent",
    ...more,
  });

test("the engine runs without Node", async () => {
  const { outputFiles } = await bundle(PROGRAM);
  const globals = { TextEncoder, TextDecoder, atob, btoa, result: "" };
  runInContext(outputFiles?.[0]?.text ?? "", createContext(globals));
  expect(JSON.parse(globals.result)).toMatchObject({
    state: "RUNNING",
    steps: "b:COMPLETED ask:RUNNING",
    calls: ["request_approval"],
    faults: ["trigger.cron_expr"],
  });
});

const SIMULATION = `
import { simulate } from "./src/engine/simulation/simulate.ts";
import { edge, step, version } from "./test/support/engine/engine-run.ts";
const asks = step({ id: "ask", stepType: "APPROVAL_GATE" });
const work = step({ id: "work", stepType: "AGENT_ACTION", agentId: "a" });
const mocks = new Map([["work", [{ output: { n: 1 }, delayMs: 60_000 }]]]);
const spec = version([asks, work], [edge("ask>work")]);
const { simulation } = simulate(spec, { input: {}, mocks, startMs: 0 });
const { outcome, endMs, path } = simulation;
result = JSON.stringify({ outcome, endMs, path: path.map(({ stepId }) => stepId) });
`;

test("a simulation runs without Node", async () => {
  const { outputFiles } = await bundle(SIMULATION);
  const globals = { TextEncoder, TextDecoder, atob, btoa, result: "" };
  runInContext(outputFiles?.[0]?.text ?? "", createContext(globals));
  expect(JSON.parse(globals.result)).toEqual({
    ...{ outcome: "SUCCEEDED", endMs: 60_000, path: ["ask", "work"] },
  });
});

test("a module of Node in the engine does not bundle", async () => {
  await expect(
    bundle(`import { sha256 } from "node:crypto"; console.log(sha256);`),
  ).rejects.toThrow("node:crypto");
});
