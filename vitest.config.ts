/**
 * How vitest finds the tests: a project per kind. `npm test` (tools/test.ts) runs them with the
 * servers that they need.
 */
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./tools/test-order.ts";
import { testProjects } from "./tools/test-projects.ts";

/** Test files at a time, four on two cores: each has databases and names of its own, and most of the long ones wait five sixths of their time. */
const WORKERS = availableParallelism() + 2;

export default defineConfig({
  test: {
    allowOnly: false,
    pool: "forks",
    maxWorkers: WORKERS,
    sequence: { sequencer: LongestFirst },
    // What a test polls for comes for sure, on a busy machine later than the second that vitest gives it.
    expect: { poll: { timeout: 10_000 } },
    projects: testProjects.map(({ name, timeoutMs, isolate, watchesLoop }) => ({
      extends: true,
      test: {
        name,
        isolate,
        include: [`test/${name}/**/*.test.ts`],
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        setupFiles: watchesLoop ? ["test/support/assertions/loop-watchdog.ts"] : [],
      },
    })),
  },
});
