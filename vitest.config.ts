/**
 * How vitest finds the tests: a project per kind. `npm test` (tools/test.ts) runs them with the
 * servers that they need.
 */
import { defineConfig } from "vitest/config";
import { testProjects } from "./tools/test-projects.ts";

export default defineConfig({
  test: {
    allowOnly: false,
    pool: "forks",
    projects: testProjects.map(({ name, timeoutMs, isolate, watchesLoop }) => ({
      extends: true,
      test: {
        name,
        isolate,
        include: [`test/${name}/**/*.test.ts`],
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        setupFiles: watchesLoop ? ["test/support/loop-watchdog.ts"] : [],
      },
    })),
  },
});
