/** Verbs of routing and of the standing loops with random values. */

import { listListenedKeys } from "../../../../src/store/catalogue.ts";
import { claimChecks, FIRST_RUN, findUnreported } from "../../../../src/store/checks.ts";
import {
  findReported,
  findTriggers,
  findWaitPatterns,
  findWaits,
} from "../../../../src/store/event-readers.ts";
import {
  findEarlyReports,
  findKeptEvents,
  insertEarlyReports,
  keepEvents,
} from "../../../../src/store/events.ts";
import { findChildTarget } from "../../../../src/store/service-reads/child-targets.ts";
import { findDue } from "../../../../src/store/service-reads/due.ts";
import { listMissedReports } from "../../../../src/store/service-reads/early-reports.ts";
import { findNextDue } from "../../../../src/store/service-reads/next-due.ts";
import { FIRST_WAIT, listOpenWaits } from "../../../../src/store/service-reads/open-waits.ts";
import { findUnfinished } from "../../../../src/store/service-reads/unfinished-runs.ts";
import {
  EVENTS,
  OBJECTS,
  type RandomRows,
  RUNS,
  SOURCES,
  STEPS,
  WAIT_KEYS,
  WORKSPACES,
} from "./random-rows.ts";
import type { Verb } from "./verb.ts";

/** Keeps events and reports, and finds who waits for them. */
export function routing(rows: RandomRows): Verb {
  const workspaceId = rows.pick(WORKSPACES);
  const key = rows.pick(WAIT_KEYS).replaceAll("/", ".");
  const objects = OBJECTS.flatMap((objectId, place) =>
    (["objective", "delegation", "approval"] as const).map((kind) => ({
      ...{ place, workspaceId, kind, objectId },
    })),
  );
  const event = { id: rows.pick(EVENTS), source: rows.pick(SOURCES), time: "", data: { a: 1 } };
  const kept = {
    ...{ ...event, workspaceId, type: rows.pick(["came.in", "came/in"]), subject: "box.1" },
    ...rows.maybe(() => ({ equals: rows.some(["x", "y"]) })),
  };
  const [equals, type, subject] = [
    rows.pick(["", "x", "*"]),
    rows.pick(["", "came.in"]),
    rows.pick(["", "box.1"]),
  ];
  const probe = { place: 1, workspaceId, key };
  const report = { kind: "approval", report: { requestId: "o-1" } } as never;
  const early = { workspaceId, objectId: rows.pick(OBJECTS), eventId: rows.pick(EVENTS), report };
  return rows.pick<Verb>([
    {
      name: `who waits for ${key} ${equals}`,
      run: async ({ database: { read } }) => [
        // Times and versions of rows are others in each database.
        (await findWaitPatterns(read, [probe])).map(({ askedAtMs: _, ...each }) => each),
        await findTriggers(read, [probe, { ...probe, key: "e|start.line|~" }]),
        // The edition is another one in each database.
        (await findReported(read, objects)).found,
        (
          await findWaits(read, [{ ...probe, eventId: event.id, source: event.source, equals }])
        ).map(({ rowVersion: _, ...each }) => each),
        (await listListenedKeys(read, 9)).keys,
      ],
    },
    {
      ...{ name: "keep an event", mayWait: true },
      run: ({ database }) =>
        database.transaction((tx) => keepEvents(tx, [kept, { ...kept, id: "e-9" }])),
    },
    {
      name: "find kept events",
      run: async ({ database: { read } }) => {
        const wanted = { place: 0, workspaceId, type, subject, afterMs: 0, afterSeq: 0 };
        const found = await findKeptEvents(read, [
          { ...wanted, equals: equals === "*" ? "" : equals },
        ]);
        // Numbers are drawn also for events that are kept already.
        return found.map(({ seq: _, ...each }) => each);
      },
    },
    {
      ...{ name: "keep an early report", mayWait: true },
      run: ({ database }) => database.transaction((tx) => insertEarlyReports(tx, [early])),
    },
    {
      name: "find early reports",
      run: async ({ database: { read } }) => [
        await findEarlyReports(
          read,
          OBJECTS.map((objectId) => ({ workspaceId, objectId })),
        ),
        (await listMissedReports(read, 0, 1e9, 50)).missed,
      ],
    },
  ]);
}

/** What the standing loops look for. */
export function looking(rows: RandomRows): Verb {
  const [quietMs, version] = [rows.random.below(60_000), rows.random.below(3)];
  const steps = RUNS.flatMap((runId) => STEPS.map((stepIndex) => ({ runId, stepIndex })));
  const some = rows.some(steps);
  const name = rows.pick(["line", "wait", "no such"]);
  return rows.pick<Verb>([
    { name: "find due", run: ({ database: { read } }) => findDue(read, 50, []) },
    {
      name: "find what is due next",
      run: ({ database: { read } }) => findNextDue(read, quietMs),
    },
    { name: "find unfinished", run: ({ database: { read } }) => findUnfinished(read, 50) },
    {
      name: "list open waits",
      run: ({ database: { read } }) => listOpenWaits(read, FIRST_WAIT, 1e9, 99),
    },
    {
      name: "find unreported",
      run: ({ database: { read } }) => findUnreported(read, FIRST_RUN, quietMs),
    },
    { name: "claim checks", run: ({ database }) => claimChecks(database, some, quietMs) },
    {
      name: `child target ${name} ${version}`,
      run: ({ database: { read } }) =>
        findChildTarget(read, { workspaceId: "ws-sim", definitionId: "", name, version }),
    },
  ]);
}
