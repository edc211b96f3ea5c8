/**
 * In which order vitest takes the test files: the longest first, so that none of them runs alone at the end while the
 * other workers have nothing left to do; then kind by kind, because a worker keeps its modules from one file to the next
 * of the same kind only.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take over twenty seconds, those that mostly wait before those that compute. */
const LONGEST = [
  "test/faults/time.test.ts",
  "test/faults/hanging.test.ts",
  "test/faults/takes-over.test.ts",
  "test/property/sequences-1.test.ts",
  "test/property/sequences-2.test.ts",
  "test/property/sequences-3.test.ts",
  "test/property/sequences-4.test.ts",
  "test/compiled/new-step-type.test.ts",
  "test/integration/worker/worker.test.ts",
  "test/integration/idempotency.test.ts",
  "test/integration/egress/publish/own-stream.test.ts",
  "test/integration/cli/cli.test.ts",
  "test/docs/pages.test.ts",
  "test/contract/isolation.test.ts",
  "test/contract/rpc-auth.test.ts",
  "test/scenario/scenarios.test.ts",
];

/** The kinds behind the longest files; those with short files last. */
const KINDS = ["faults", "docs", "integration", "contract", "property", "scenario", "tidy", "unit"];

/** Within a kind vitest's own order: what failed last time, then what took longest last time. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const placeOf = ({ moduleId, project }: TestSpecification) => {
      const place = LONGEST.findIndex((path) => moduleId.endsWith(`/${path}`));
      return place < 0 ? LONGEST.length + KINDS.indexOf(project.name) : place;
    };
    return sorted.sort((a, b) => placeOf(a) - placeOf(b));
  }
}
