/**
 * The import table holds for src/ as it stands, and its check sees each kind of fault.
 */
import { describe, expect, test } from "vitest";
import { checkImports, findImportProblems } from "../../tools/check-imports.ts";

/** The problems of a tree with one file. */
function problemsOf(path: string, text: string): string[] {
  return findImportProblems(new Map([[path, text]]));
}

test("src/ obeys the import table", async () => {
  expect(await checkImports()).toEqual([]);
});

describe("a planted fault is reported:", () => {
  test.each([
    ["src/engine/run.ts", 'import { x } from "../store/runs.ts";'],
    ["src/engine/run.ts", 'import type { X } from "../../gen/workflows/v1/workflows_pb.ts";'],
    ["src/engine/run.ts", 'import { readFileSync } from "node:fs";'],
    ["src/engine/run.ts", 'import fs from "fs";'],
    ["src/engine/run.ts", 'import { env } from "@bufbuild/cel";'],
    ["src/engine/run.ts", 'import { Cron } from "croner";'],
    ["src/engine/run.ts", 'import Ajv from "ajv";'],
    ["src/engine/expression/compile.ts", 'import { Cron } from "croner";'],
    ["src/wire/run.ts", 'import { x } from "../store/runs.ts";'],
    ["src/wire/run.ts", 'import { x } from "../runtime/processor.ts";'],
    ["src/store/runs.ts", 'import { x } from "../wire/run.ts";'],
    ["src/store/runs.ts", 'import { x } from "../runtime/processor.ts";'],
    ["src/store/runs.ts", 'import type { X } from "../../gen/workflows/v1/workflows_pb.ts";'],
    ["src/runtime/lane.ts", 'import { x } from "../wire/run.ts";'],
    ["src/runtime/lane.ts", 'import { connect } from "nats";'],
    ["src/runtime/lane.ts", 'import { Code } from "@connectrpc/connect";'],
    ["src/runtime/lane.ts", 'export { x } from "../egress/dispatcher.ts";'],
    ["src/ingress/rpc/start-run.ts", 'import { x } from "../../egress/dispatcher.ts";'],
    ["src/ingress/rpc/start-run.ts", 'import pg from "pg";'],
    ["src/ingress/rpc/start-run.ts", 'import {\n  saveRuns,\n} from "../../store/runs.ts";'],
    ["src/ingress/rpc/start-run.ts", 'import { lists } from "../../store/outbox.ts";'],
    ["src/ingress/rpc/start-run.ts", 'import { x } from "../../store/service-reads/due.ts";'],
    [
      "src/ingress/rpc/start-run.ts",
      'import { EVERY_WORKSPACE as all } from "../../store/reads/visibility.ts";',
    ],
    [
      "src/ingress/rpc/start-run.ts",
      'import { onlyWorkspace } from "../../store/reads/visibility.ts";',
    ],
    ["src/egress/dispatcher.ts", 'const x = await import("../ingress/bus/pull.ts");'],
    ["src/egress/dispatcher.ts", 'import { lockRuns as read } from "../store/runs.ts";'],
    ["src/builtin/approvals/service.ts", 'import { x } from "../../runtime/processor.ts";'],
    ["src/builtin/approvals/service.ts", 'import { saveBatch } from "../../store/save-batch.ts";'],
    ["src/main.ts", 'import "./sandbox/agents.ts";'],
    ["src/runtime/lane.ts", 'import { x } from "../sandbox/agents.ts";'],
    ["src/sandbox/agents.ts", 'import { x } from "../runtime/processor.ts";'],
    ["src/utils/text.ts", "export const x = 1;"],
    ["src/engine/run.ts", "export async function f() {}"],
    ["src/engine/run.ts", "const x = await y;"],
    ["src/engine/run.ts", "const x = Date.now();"],
    ["src/engine/run.ts", "const x = new Date();"],
    ["src/engine/run.ts", "const x = Math.random();"],
    ["src/engine/run.ts", "const x = process.pid;"],
    ["src/engine/run.ts", "setTimeout(f, 1);"],
    ["src/runtime/lane.ts", "const x = process.env.PORT;"],
    ["src/runtime/lane.ts", 'if (step.type === "BRANCH") return;'],
    ["src/engine/flow/advance.ts", "const x = { NOTIFICATION: true };"],
    ["src/ingress/rpc/steps.ts", "BEHAVIOURS.HUMAN_TASK.begin(task);"],
    ["src/main.ts", "const { env } = process; const x = process.env;"],
  ])("%s: %s", (path, text) => {
    expect(problemsOf(path, text)).toHaveLength(1);
  });

  test("a cycle of two files", () => {
    const files = new Map([
      ["src/engine/run.ts", 'import { y } from "./retry.ts";'],
      ["src/engine/retry.ts", 'import type { X } from "./run.ts";'],
    ]);
    expect(findImportProblems(files)).toEqual([
      "import cycle: src/engine/run.ts -> src/engine/retry.ts -> src/engine/run.ts",
    ]);
  });
});

describe("what is allowed is not reported:", () => {
  test.each([
    ["src/engine/values/cron.ts", 'import { Cron } from "croner";'],
    ["src/engine/expression/compile.ts", 'import { parse } from "@bufbuild/cel";'],
    ["src/engine/run.ts", 'import type { Json } from "./json.ts";'],
    ["src/engine/run.ts", "const at = new Date(now); // Date.now() would await a clock"],
    ["src/engine/run.ts", 'const text = "await process.env";'],
    ["src/wire/run.ts", 'import type { Run } from "../../gen/workflows/v1/workflows_pb.ts";'],
    ["src/store/runs.ts", 'import { sql } from "drizzle-orm/pg-core";'],
    ["src/ingress/rpc/get-run.ts", 'import { findRun } from "../../store/reads/runs.ts";'],
    ["src/ingress/timers/timers.ts", 'import { x } from "../../store/service-reads/due.ts";'],
    [
      "src/ingress/rpc/call-workspace.ts",
      'import { EVERY_WORKSPACE } from "../../store/reads/visibility.ts";',
    ],
    ["src/config.ts", "const port = process.env.PORT;"],
  ])("%s: %s", (path, text) => {
    expect(problemsOf(path, text)).toEqual([]);
  });
});
