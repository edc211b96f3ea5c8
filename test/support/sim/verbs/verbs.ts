/**
 * Verbs of the store with random values, to be done alike on two databases.
 * Boundary: a verb is drawn once and done on each side; what differs by nature (versions of rows) is a side's own.
 */
import {
  CALL_KINDS,
  claimCalls,
  dropCalls,
  releaseCalls,
  renewCalls,
} from "../../../../src/store/calls.ts";
import type { Database, Tx } from "../../../../src/store/database.ts";
import { loadRows, loadSmallRows } from "../../../../src/store/load-rows.ts";
import { lockRuns, readRuns } from "../../../../src/store/lock-runs.ts";
import { markPublished } from "../../../../src/store/mark-published.ts";
import {
  letGoPartitions,
  listEarlierEnds,
  listMoves,
  listNextRunStates,
  listRunsById,
  listUnpublished,
  showReplica,
  takePartitions,
} from "../../../../src/store/outbox.ts";
import { findStarts, lockStarts } from "../../../../src/store/run-starts.ts";
import { type Batch, saveBatch } from "../../../../src/store/save-batch.ts";
import { StaleRows } from "../../../../src/store/save-fences.ts";
import { addStreamMark, findNewestMark } from "../../../../src/store/stream-marks.ts";
import { looking, routing } from "./event-verbs.ts";
import { answering, keying, marking } from "./key-verbs.ts";
import { EVENTS, KINDS, type RandomRows, RUNS, STEPS } from "./random-rows.ts";
import { moving, scheduling } from "./schedule-verbs.ts";
import { forgetting, placing } from "./task-verbs.ts";
import type { Side, Verb } from "./verb.ts";

const HOLDERS = ["replica-1", "replica-2"];
const PARTITIONS = 3;
const ALL_STEPS = RUNS.flatMap((runId) => STEPS.map((stepIndex) => ({ runId, stepIndex })));
const WIDE = { after: "", places: 100, bytes: 1e9 };

/** Draws a verb. `seqs` counts the history rows of runs that exist. */
export function drawVerb(rows: RandomRows, seqs: Map<string, number>): Verb {
  const { random } = rows;
  const others = [publishing, routing, looking, scheduling, keying, answering, placing];
  const draw = rows.pick([saving, reading, leasing, ...others]);
  return random.chance(15) ? holding(rows) : draw(rows, seqs);
}

/** Saves new runs, or changes of runs that were read before. */
function saving(rows: RandomRows, seqs: Map<string, number>): Verb {
  const missing = RUNS.filter((id) => !seqs.has(id));
  const isNew = missing.length > 0 && rows.random.chance(60);
  const ids = isNew ? rows.some(missing) : rows.some([...seqs.keys()]);
  const next = new Map(ids.map((id) => [id, (seqs.get(id) ?? 0) + 1]));
  for (const [id, seq] of next) seqs.set(id, seq);
  const holder = rows.pick(["", ...HOLDERS]);
  const runs = [...next].map(([id, seq]) => rows.run(id, seq));
  const starts = isNew
    ? ids.map((runId, n) => ({
        ...{ runId, workspaceId: "ws-sim", definitionId: "wf-line", source: runId },
        ...{ eventId: EVENTS[n % EVENTS.length] ?? "", createdAt: rows.time() },
      }))
    : [];
  const calls = ids.flatMap((id) => (rows.random.chance(60) ? [rows.call(id, holder)] : []));
  const changed = new Map(
    ids.flatMap((id) => STEPS.map((at) => [`${id}/${at}`, rows.changedStep(id, at, "")])),
  );
  const isFenced = rows.random.chance(50);
  const fenced = isFenced ? ids : [];
  // Steps that the batch does not change, and those of other runs, may be required to be as they were read too.
  const required = rows.random.chance(40) ? rows.some(ALL_STEPS) : [];
  const openCalls = rows.random.chance(10) ? [`${rows.pick(RUNS)}/s1/1/${rows.pick(KINDS)}`] : [];
  const batch: Batch = {
    newRuns: isNew ? runs : [],
    changedRuns: isNew ? [] : runs,
    newSteps: isNew ? ids.flatMap((id) => STEPS.map((at) => rows.step(id, at))) : [],
    changedSteps: [],
    newChildren: isNew ? ids.flatMap((id) => [0, 1, 2].map((at) => rows.child(id, at))) : [],
    changedChildren: isNew ? [] : ids.map((id) => rows.child(id, 1)),
    moves: [...next].map(([id, seq]) => rows.moves(id, seq)),
    newCalls: [...new Map(calls.map((call) => [call.id, call])).values()],
    finishedCalls: rows.some(ids).map((id) => `${id}/s0/1/${rows.pick(KINDS)}`),
    droppedSteps: rows.some(ids).map((runId) => ({ runId, stepIndex: 1 })),
    starts,
    inboxSteps: ids.flatMap((id) => rows.some(STEPS).map((at) => rows.inboxStep(id, at))),
    ...{ takenEvents: [], fences: { runs: [], steps: [], openCalls: [] } },
  };
  return {
    ...{ name: `save ${isNew ? "new" : "changed"} ${ids}`, mayWait: true },
    run: ({ database, runVersions, stepVersions }) => {
      const own = [...changed].flatMap(([key, step]) => {
        const rowVersion = stepVersions.get(key);
        return rowVersion === undefined || isNew ? [] : [{ ...step, rowVersion }];
      });
      const fences = {
        runs: fenced.flatMap((runId) => {
          const rowVersion = runVersions.get(runId);
          return rowVersion === undefined || isNew ? [] : [{ runId, rowVersion }];
        }),
        steps: [...(isFenced ? own : []), ...required].flatMap(({ runId, stepIndex: index }) => {
          const rowVersion = stepVersions.get(`${runId}/${index}`);
          return rowVersion === undefined ? [] : [{ runId, index, rowVersion }];
        }),
        openCalls,
      };
      const saved = { ...batch, changedSteps: own, fences };
      return orStale(database.transaction((tx) => saveBatch(tx, saved)));
    },
  };
}

/** What was read too long ago is not saved, and nothing beside it. */
async function orStale(saved: ReturnType<typeof saveBatch>) {
  try {
    const { batches, newCalls } = (await saved) ?? { batches: [], newCalls: [] };
    return { partitions: batches.map(({ partition }) => partition).sort(), newCalls };
  } catch (error) {
    if (error instanceof StaleRows) return error.message;
    throw error;
  }
}

function reading(rows: RandomRows): Verb {
  const [ids, callIds] = [rows.some(RUNS), RUNS.map((id) => `${id}/s1/1/${rows.pick(KINDS)}`)];
  const children = [
    { kind: "one", step: 0, attempt: 1, child: 1 },
    { kind: "attempt", step: 0, attempt: 2 },
    { kind: "next", step: 0, attempt: 1, child: 1, limit: 2 },
    { kind: "open", step: 0 },
    { kind: "compensable", step: 0, attempt: 2, child: 2, limit: 2, least: 1 },
  ] as const;
  const wanted = ids.map((runId) => ({ runId, steps: STEPS, runInput: true, children }));
  return {
    name: `read ${ids}`,
    async run({ database, runVersions, stepVersions }) {
      const known = ids.map((runId) => ({
        ...{ runId, rowVersion: runVersions.get(runId) ?? "" },
        steps: STEPS.flatMap((index) => {
          const version = stepVersions.get(`${runId}/${index}`);
          return version === undefined ? [] : [[index, version] as const];
        }),
      }));
      const read = await readRuns(database.write, known, callIds);
      for (const { id, rowVersion } of read.rows) runVersions.set(id, rowVersion);
      const found = await loadRows(database.write, wanted);
      for (const [id, { stepVersions: versions }] of found) {
        for (const [at, version] of versions) stepVersions.set(`${id}/${at}`, version);
      }
      // The open calls come with whichever row is the first.
      const plain = { ...read, rows: read.rows.map((row) => ({ ...row, openCalls: [] })) };
      return [plain, found, await loadSmallRows(database.read, wanted)];
    },
  };
}

function leasing(rows: RandomRows): Verb {
  const [holder, ms] = [rows.pick(HOLDERS), rows.random.below(3) * 1_000];
  const ids = RUNS.flatMap((id) => KINDS.map((kind) => `${id}/s${rows.random.below(3)}/1/${kind}`));
  const some = rows.some(ids);
  const kinds = rows.some(CALL_KINDS).map((kind) => ({ kind, ...WIDE }));
  const without = rows.some(kinds).map(({ kind }) => ({ kind, workspaceId: "ws-other" }));
  return rows.pick<Verb>([
    { name: "claim calls", run: ({ database }) => claimCalls(database, holder, kinds, without) },
    { name: "claim calls", run: ({ database }) => claimCalls(database, holder, kinds, []) },
    { name: "renew calls", run: ({ database }) => renewCalls(database, holder, some) },
    { name: "release calls", run: ({ database }) => releaseCalls(database, holder, some, ms) },
    { name: "drop calls", run: ({ database }) => dropCalls(database, some.slice(0, 2)) },
  ]);
}

function publishing(rows: RandomRows): Verb {
  const [holder, all] = [rows.pick(HOLDERS), Array.from({ length: PARTITIONS }, (_, n) => n)];
  const [some, seq, at] = [rows.some(all), rows.random.below(9), rows.time()];
  const batches = Array.from({ length: 5 }, () => 1 + rows.random.below(12));
  const places = RUNS.map((runId) => ({ runId, seq: rows.random.below(3) }));
  const done = [...new Set(batches)].map((id) => ({
    id,
    partition: rows.random.below(PARTITIONS),
    counts: rows.some(EVENTS).map(() => rows.count()),
  }));
  const mark = { created: "c", seq, at };
  return rows.pick<Verb>([
    {
      name: "take partitions",
      run: ({ database }) => takePartitions(database, holder, PARTITIONS),
    },
    { name: "let go partitions", run: ({ database }) => letGoPartitions(database, holder) },
    {
      name: "hand over partitions",
      run: async ({ database }) => {
        const { partitions, untilMs } = await takePartitions(database, holder, PARTITIONS);
        const given = { partitions: partitions.slice(2), untilMs: untilMs - (seq % 2) };
        await letGoPartitions(database, holder, given);
        return partitions;
      },
    },
    {
      ...{ name: "show replica", mayWait: true },
      run: ({ database }) => showReplica(database, holder, PARTITIONS),
    },
    {
      ...{ name: "mark published", mayWait: true },
      run: ({ database }) => markPublished(database, holder, done, { stream: "w", seq }),
    },
    {
      name: "list the outbox",
      run: async ({ database }) => [
        await listUnpublished(database, some, 4),
        await listMoves(database, batches),
        await listRunsById(database, RUNS),
        await listNextRunStates(database, places),
        await listEarlierEnds(database, places),
      ],
    },
    {
      ...{ name: "mark the stream", mayWait: true },
      async run({ database }) {
        await addStreamMark(database, "w", mark);
        return findNewestMark(database, "w");
      },
    },
  ]);
}

/** Does other verbs while a transaction holds locks, which it keeps or gives up with what it wrote. */
function holding(rows: RandomRows): Verb {
  const draws = [leasing, looking, reading, routing, publishing, scheduling, keying, placing];
  const inner = Array.from({ length: 4 }, () => rows.pick(draws)(rows)).filter(
    ({ mayWait }) => mayWait === undefined,
  );
  const outer = rows.pick([leasing, moving, marking, forgetting])(rows);
  const ids = rows.some(RUNS);
  const starts = rows.some(EVENTS).map((eventId) => ({
    ...{ workspaceId: "ws-sim", definitionId: "wf-line", eventId },
  }));
  const isKept = rows.random.chance(50);
  const locks = async (tx: Tx, { runVersions }: Side, runIds: readonly string[]) => [
    await lockRuns(
      tx,
      runIds.map((runId) => ({ runId, rowVersion: runVersions.get(runId) ?? "" })),
    ),
    await lockStarts(tx, starts),
    await findStarts(tx, starts),
  ];
  return {
    ...{ name: `hold ${ids}, ${outer.name} over ${inner.map(({ name }) => name)}`, mayWait: true },
    async run(side) {
      const done: unknown[] = [];
      const { database } = side;
      const work = async (tx: Tx) => {
        const within: Database = { ...database, transaction: (each) => each(tx) };
        done.push(await locks(tx, side, ids), await outer.run({ ...side, database: within }));
        for (const verb of inner) done.push(await verb.run(side));
        done.push(await database.transaction((other) => locks(other, side, RUNS)));
        if (!isKept) throw new GivenUp();
      };
      await database.transaction(work).catch((error: unknown) => {
        if (!(error instanceof GivenUp)) throw error;
      });
      return done;
    },
  };
}

class GivenUp extends Error {
  override readonly name = "GivenUp";
}
