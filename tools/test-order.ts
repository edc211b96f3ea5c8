/**
 * In which order vitest takes the test files: the longest first, so that none of them runs alone at the end while the
 * other worker has nothing left to do.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take over twenty seconds. What computes comes first; `time` measures how late its timers are, so it stands
 * beside files that mostly wait.
 */
const LONGEST = [
  "test/faults/hanging.test.ts",
  "test/scenario/scenarios.test.ts",
  "test/property/sequences-1.test.ts",
  "test/faults/time.test.ts",
  "test/integration/idempotency.test.ts",
  "test/integration/own-stream.test.ts",
  "test/integration/reconcile.test.ts",
  "test/property/sequences-2.test.ts",
];

/** Vitest's own order (what failed last time, then what took longest last time) behind the longest files. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((path) => moduleId.endsWith(`/${path}`));
      return place < 0 ? LONGEST.length : place;
    };
    return sorted.sort((a, b) => placeOf(a) - placeOf(b));
  }
}
