/**
 * Goals that compare the service with itself: what a step costs in a long run, with a second replica.
 * Boundary: values; targets.ts computes what they come to.
 */
import type { Target } from "./targets.ts";

const EMPTY = "the empty database";

/** In the order of the table. */
export const GROWTH_TARGETS: readonly Target[] = [
  {
    line: "long",
    what: "a step of one run of 1,000 steps, CPU of all processes",
    name: "cpuMs",
    unit: " ms",
    better: "less",
    must: { own: { factor: 1.5, name: "chains.cpuMs", of: "in chains of 10" } },
  },
  {
    line: "replicas",
    what: "two replicas: a step, CPU of the replicas, Postgres and NATS",
    name: "cpuMs",
    unit: " ms",
    better: "less",
    must: { own: { factor: 1.2, name: "one.cpuMs", of: "one replica" } },
  },
  {
    line: "watch",
    what: "a move to a watcher, CPU of the service",
    name: "moveMs",
    unit: " ms",
    better: "less",
    must: { fixed: 0.05 },
  },
  {
    line: "watch",
    what: "a move to each of twenty watchers of its run, CPU of the service",
    name: "manyMs",
    unit: " ms",
    better: "less",
    must: { fixed: 0.05 },
  },
  {
    line: "watch",
    what: "1,000 watchers while nothing moves, CPU of the service",
    name: "idleCores",
    unit: " cores",
    better: "less",
    must: { fixed: 0.005 },
  },
  {
    line: "watch",
    what: "an agent step beside 1,000 watchers of other runs, CPU of the service",
    name: "stepMs",
    unit: " ms",
    better: "less",
    must: { own: { factor: 1.05, name: "unwatched.stepMs", of: "without them" } },
  },
  {
    ...{ line: "starters", what: "deliveries to one endpoint", name: "deliveriesASecond" },
    ...{ unit: "/s", better: "more" },
    must: { fixed: 1_000 },
  },
  {
    ...{ line: "starters", what: "the latest of the runs of schedules, beside 10,000 schedules" },
    ...{ name: "slotLateMs", unit: " ms", better: "less" },
    must: { fixed: 2_000 },
  },
  {
    ...{ line: "starters", what: "a page of 50 of 10,000 workflows with their metrics, p50" },
    ...{ name: "listMs", unit: " ms", better: "less" },
    must: { fixed: 50 },
  },
  ...[
    { what: "a step, CPU of all processes", name: "cpuMs", unit: " ms", factor: 1.25 },
    { what: "a step, statements", name: "statements", unit: "", factor: 1.25 },
    { what: "ListRuns, p50", name: "listRunsMs", unit: " ms", factor: 1.5 },
    { what: "GetRun, p50", name: "getRunMs", unit: " ms", factor: 1.5 },
    { what: "HandleTrigger, p50", name: "handleTriggerMs", unit: " ms", factor: 1.5 },
    { what: "a publishing round, p50", name: "outboxMs", unit: " ms", factor: 1.5 },
  ].map(
    ({ what, name, unit, factor }): Target => ({
      line: "stored",
      what: `beside 1,100,000 stored runs: ${what}`,
      name,
      unit,
      better: "less",
      must: { own: { factor, name: `empty.${name}`, of: EMPTY } },
    }),
  ),
  {
    line: "stored",
    what: "beside 1,100,000 stored runs: the sweep that grew most, p50",
    name: "worstSweep",
    unit: ` × ${EMPTY}`,
    better: "less",
    must: { fixed: 1.5 },
  },
];
