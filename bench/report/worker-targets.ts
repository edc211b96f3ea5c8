/**
 * Goals of steps that workers do.
 * Boundary: values; targets.ts computes what they come to.
 */
import type { Target } from "./targets.ts";

const DBOS = { factor: 1, of: "dbos" } as const;
const RESTATE = { factor: 1, of: "restate-2" } as const;
const FLOOR = "worker-floor";

/** In the order of the table. */
export const WORKER_TARGETS: readonly Target[] = [
  {
    line: "worker-steps",
    what: "worker steps",
    name: "stepsASecond",
    unit: "/s",
    better: "more",
    must: {
      times: [
        { factor: 3, of: "dbos" },
        { factor: 0.5, of: FLOOR },
      ],
    },
    aim: { times: [RESTATE] },
  },
  {
    line: "worker-steps",
    what: "worker steps, rows written",
    name: "rowWrites",
    unit: "",
    better: "less",
    must: { fixed: 4 },
    aim: { fixed: 3 },
  },
  {
    line: "worker-steps",
    what: "worker steps, WAL",
    name: "walBytes",
    unit: " bytes",
    better: "less",
    must: { fixed: 1_536 },
    aim: { fixed: 1_229 },
  },
  ...(["p50Ms", "p99Ms"] as const).map(
    (name): Target => ({
      line: "worker-one",
      what: `one run of 10 worker steps, ${name.slice(0, 3)}`,
      name,
      unit: " ms",
      better: "less",
      must: { times: [DBOS] },
      aim: { times: [{ factor: 1.5, of: FLOOR }] },
    }),
  ),
  ...(["oneMs", "manyMs"] as const).map(
    (name): Target => ({
      line: "worker-fan",
      what: `fan-out of 200 worker steps, ${name === "oneMs" ? "one" : "twenty at once"}`,
      name,
      unit: " ms",
      better: "less",
      must: { times: [DBOS] },
      aim: { times: [RESTATE] },
    }),
  ),
];
