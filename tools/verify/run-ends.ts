/** I7: every run has ended, is paused, or each of its open steps waits for something that is open. */
import { holdersOf, openStepsWithout } from "./holders.ts";
import type { RunCheck } from "./run-check.ts";

const ENDED: ReadonlySet<string> = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

/** One run of a system in which nothing happens any more. */
export const runEnds: RunCheck = {
  id: "I7",
  check(picture, findings, { now, heldOpen }) {
    const { run } = picture;
    findings.saw();
    if (ENDED.has(run.state) || run.state === "PAUSED") return;
    const idle = openStepsWithout(picture, { now, heldOpen });
    for (const index of idle) {
      findings.violated(run.id, `step ${index} is open and waits for nothing`);
    }
    if (idle.length === 0 && holdersOf(picture, { now, heldOpen }).length === 0) {
      findings.violated(run.id, `is ${run.state} without an open step`);
    }
  },
};
