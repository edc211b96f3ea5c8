/** What statements about workflows read: counters of their runs, pauses and missed triggers, and their sweeps. */
import { dropOldChanges } from "../../src/store/changes.ts";
import type { Database, Tx } from "../../src/store/database.ts";
import { markPublished } from "../../src/store/mark-published.ts";
import {
  addMissed,
  dropOldMissed,
  endMissed,
  findDueTriggers,
  holdMissed,
  releaseMissed,
  replayMissed,
  sumMissedBytes,
  trimMissed,
} from "../../src/store/missed-triggers.ts";
import { dropOldCounters } from "../../src/store/old-counters.ts";
import { listEarlierEnds } from "../../src/store/outbox.ts";
import { countMissed, endPause, lockPauses, putPause } from "../../src/store/pauses.ts";
import { countMissedTriggers, findPauses, listMissed } from "../../src/store/reads/pauses.ts";
import { findLimits, findRunTurn } from "../../src/store/reads/run-limits.ts";
import { hasStartedRun } from "../../src/store/reads/started-runs.ts";
import { EVERY_WORKSPACE, onlyWorkspace } from "../../src/store/reads/visibility.ts";
import { findChangePlaces, listChangesAfter } from "../../src/store/reads/workflow-changes.ts";
import { findWorkflowMetrics } from "../../src/store/reads/workflow-metrics.ts";
import { findWorkflowStats } from "../../src/store/reads/workflow-stats.ts";
import { COUNTER_KINDS, dayOf } from "../../src/store/run-counts.ts";
import {
  findRoom,
  findRunLimits,
  findWaiting,
  lockKeys,
  saveRunLimit,
} from "../../src/store/run-limits.ts";
import { findAnnounced } from "../../src/store/service-reads/announced-starts.ts";
import { findChangeHeads } from "../../src/store/service-reads/change-heads.ts";
import { findHooksOfWorkflow } from "../../src/store/workflow-hooks.ts";
import type { Case } from "./cases.ts";
import { BIG, CLAIMED_RUN as RUN } from "./rows.ts";

const ACKED = { stream: "WORKFLOWS", seq: 1_000 };
const PAGE = Array.from({ length: 50 }, (_, n) => `wf_${20 + n * 2}`);
const PAUSED = "wf_2";
const TODAY = dayOf(Date.now());
const COUNTED = [1_000, 1_001].map((id) => ({
  ...{ id, partition: id % 64 },
  counts: ["SUCCEEDED", "FAILED"].map((name) => ({
    ...{ definitionId: "wf_24", kind: COUNTER_KINDS.ended, day: TODAY, name, runs: 1 },
    ...{ costUsd: 0.5, durationMs: 900, lastAtMs: 1 },
  })),
}));
const MISSED = {
  ...{ definitionId: PAUSED, eventId: "new", source: "s", triggerType: "EVENT" },
  ...{ pauseReason: "", start: undefined, startBytes: 0, queueSeconds: 0 },
};

const writing =
  (work: (tx: Tx) => Promise<unknown>) =>
  ({ transaction }: Database) =>
    transaction(work);

/** The 1,000 open runs that are counted. */
const OPEN = { find_workflow_metrics: 1_500 };

// An archived one, which no other case starts.
const LIMITED = "wf_3";
const KEYS = ["/", "/=a", "staging/"].map((key) => ({ definitionId: LIMITED, key }));
const NOTHING_BEFORE = { definitionId: "", key: "" };
const RUN_LIMIT = { maxOpenRuns: 5, concurrencyKey: "", whenFull: "queue" } as const;
const changeCases: readonly Case[] = [
  {
    name: "changes: after a number",
    ask: ({ callers }) =>
      listChangesAfter(callers, EVERY_WORKSPACE, { workspaceId: BIG, after: 900, limit: 100 }),
  },
  {
    name: "changes: places",
    ask: ({ callers }) => findChangePlaces(callers, EVERY_WORKSPACE, BIG),
  },
  { name: "changes: heads", ask: ({ read }) => findChangeHeads(read, [BIG, "ws_1"]) },
  { name: "sweep: changes", ask: writing((tx) => dropOldChanges(tx, 100)) },
  {
    name: "hooks: of a workflow",
    ask: ({ callers }) => findHooksOfWorkflow(callers, PAUSED, BIG, ["activate"]),
  },
  { name: "starts: announced", ask: ({ read }) => findAnnounced(read) },
];

/** Their cases. */
export const workflowCases: readonly Case[] = [
  {
    name: "limits: those of starts, and the room of their keys",
    ask: writing(async (tx) => {
      await saveRunLimit(tx, { definitionId: LIMITED, workspaceId: BIG }, RUN_LIMIT);
      await findRunLimits(tx, PAGE);
      await lockKeys(tx, KEYS);
      await findRoom(tx, KEYS);
    }),
    // Each limit may be on a page of its own, and so its entry of the index.
    limits: { find_run_limits: PAGE.length * 3 },
  },
  {
    name: "limits: runs that wait",
    ask: (database) =>
      findWaiting(database.read, NOTHING_BEFORE, { keys: 100, runs: 1_000 }, [RUN]),
  },
  {
    name: "limits: for callers",
    ask: async (database) => {
      await findLimits(database.lists, EVERY_WORKSPACE, PAGE);
      await findLimits(database.lists, onlyWorkspace(BIG), PAGE);
      await findRunTurn(database.callers, onlyWorkspace(BIG), RUN);
    },
    limits: { find_workflow_limits: PAGE.length * 3 },
  },
  {
    name: "outbox: mark and count",
    ask: (database) => markPublished(database, "me", COUNTED, ACKED),
  },
  {
    name: "outbox: earlier ends",
    ask: (database) => listEarlierEnds(database, [{ runId: RUN, seq: 3 }]),
  },
  { name: "sweep: counters", ask: writing((tx) => dropOldCounters(tx, 100)) },
  ...[EVERY_WORKSPACE, onlyWorkspace(BIG)].flatMap((seen) => {
    const name = (text: string) => `${seen === EVERY_WORKSPACE ? "" : "seen: "}${text}`;
    return [
      {
        name: name("workflows: metrics of a page"),
        ask: ({ lists }: Database) => findWorkflowMetrics(lists, seen, PAGE),
      },
      {
        name: name("workflows: metrics of one with many open runs"),
        ask: ({ lists }: Database) => findWorkflowMetrics(lists, seen, ["wf_2"]),
        limits: OPEN,
      },
      {
        name: name("workflows: statistics"),
        ask: ({ callers }: Database) => findWorkflowStats(callers, seen, "wf_24", 90),
      },
      {
        name: name("workflows: pauses"),
        ask: ({ callers }: Database) => findPauses(callers, seen, PAGE),
      },
      {
        name: name("missed triggers: list"),
        ask: ({ lists }: Database) =>
          listMissed(lists, seen, { definitionId: PAUSED, state: 0 }, { before: 900, limit: 50 }),
      },
      {
        name: name("missed triggers: count"),
        ask: ({ lists }: Database) =>
          countMissedTriggers(lists, seen, { definitionId: PAUSED, state: 1 }),
      },
    ];
  }),
  {
    name: "starts: of an event",
    ask: ({ callers }) => hasStartedRun(callers, EVERY_WORKSPACE, "wf_0", "e1000"),
  },
  {
    name: "pauses: put, lock, count, end",
    ask: writing(async (tx) => {
      const names = { workspaceId: BIG, pausedBy: "ann", reason: "so" };
      await putPause(tx, { definitionId: PAUSED, ...names, queueSeconds: 0, keptBytes: 0 });
      await lockPauses(tx, [PAUSED]);
      await countMissed(tx, [{ definitionId: PAUSED, missed: 1, queued: 0, bytes: 1 }]);
      await endPause(tx, PAUSED);
    }),
  },
  {
    name: "missed triggers: add, hold, release",
    ask: writing(async (tx) => {
      await addMissed(tx, [MISSED]);
      await holdMissed(tx, PAUSED, 0);
      await releaseMissed(tx, PAUSED);
    }),
  },
  {
    name: "missed triggers: trim, sum",
    ask: writing(async (tx) => {
      await sumMissedBytes(tx, PAUSED);
      await trimMissed(tx, PAUSED);
    }),
  },
  {
    name: "missed triggers: replay",
    ask: writing((tx) => {
      const times = { from: undefined, before: undefined };
      return replayMissed(tx, { definitionId: PAUSED, seqs: [1, 2, 3], ...times }, 100);
    }),
  },
  { name: "missed triggers: due", ask: ({ read }) => findDueTriggers(read, 100, [1]) },
  {
    name: "missed triggers: end",
    ask: writing((tx) =>
      endMissed(tx, [{ definitionId: PAUSED, seq: 1, runId: RUN, problem: "" }]),
    ),
  },
  ...changeCases,
  { name: "sweep: missed triggers", ask: writing((tx) => dropOldMissed(tx, 100)) },
];
