/** Children in the engine, many inputs to a batch: whatever comes together makes the same run as one after the other. */
import { expect, it } from "vitest";
import { calling, childReports, compensate, started } from "../../support/engine/engine-parent.ts";
import { EngineRun, version } from "../../support/engine/engine-run.ts";

type Put = Parameters<EngineRun["putAll"]>[0];

/** Ten items at a time: some end, the run is compensated, and its children report that they are. */
function live(run: EngineRun, items: number, ended: number): void {
  const atOnce = Math.min(items, 10);
  for (let child = 0; child < atOnce; child += 1) started(run, child);
  for (let child = 0; child < ended; child += 1) {
    childReports(run, child);
    if (child + atOnce < items) started(run, child + atOnce);
  }
  run.put(compensate);
  for (let child = items - 1; child >= 0; child -= 1) {
    childReports(run, child, { state: "FAILED", undoing: "done", seq: 9, costUsd: 2 });
  }
}

it.each([
  [20, 0],
  [20, 5],
  [20, 12],
  [40, 39],
])(
  "a list of %d whose run is compensated when %d have ended, in batches of any size",
  (items, ended) => {
    const spec = version([calling({ for_each: "list", max_parallel: 10 })]);
    const input = { list: Array.from({ length: items }, (_, n) => n) };
    const one = EngineRun.start(spec, input);
    const log: Put[number][] = [{ kind: "run_begun" }];
    const put = one.put.bind(one);
    one.put = (bare) => {
      log.push(bare);
      return put(bare);
    };
    live(one, items, ended);
    expect(one.run.state).toBe("FAILED");
    for (const size of [7, 20, 500]) {
      const many = new EngineRun(spec, input);
      for (let first = 0; first < log.length; first += size) {
        many.putAll(log.slice(first, first + size));
      }
      expect(many.run).toEqual(one.run);
      expect(many.history).toEqual(one.history);
    }
  },
);
