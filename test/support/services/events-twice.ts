/**
 * Every commit's events, made both ways: from what the publisher keeps of it, and from the table alone.
 * Boundary: stands between a processor and its database. What the table gives is read right after each commit; no other
 * commit comes before both ways are done.
 */

import { CountedMoves } from "../../../src/egress/publish/counted-moves.ts";
import { type EventChainDeps, makeChains } from "../../../src/egress/publish/event-chains.ts";
import { KeptBatches } from "../../../src/egress/publish/kept-batches.ts";
import { createLog } from "../../../src/process/log.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import type { Committed } from "../../../src/runtime/processor.ts";
import type { Database, Queries } from "../../../src/store/database.ts";
import type { UnpublishedBatch } from "../../../src/store/outbox.ts";
import type { OutgoingEvent } from "../../../src/wire/events/cloud-events.ts";

/** The events of one round of a publisher, both ways: a text for each, by run and in order. */
interface MadeTwice {
  /** Which of the last batches were kept, the latest last. */
  readonly kept: readonly boolean[];
  readonly fromMemory: readonly string[];
  readonly fromTable: readonly string[];
  /** Names of the statements that the first way asked. */
  readonly asked: readonly string[];
}

const NEWEST = {
  name: "newest_batches",
  text: "select id, partition, changes from move_batches order by id desc limit 4",
};
const NOTHING_KEPT = { find: () => undefined };
/** Rounds of so many batches; the last one is always kept, as it was just committed. */
const ROUNDS = [[true], [false, true], [true, false, true], [true, true, true]];

/** Makes the events of every commit. */
export function createEventsTwice() {
  const log = createLog({ level: "error", format: "pretty" });
  const made: MadeTwice[] = [];
  const committed = new Map<number, Committed["batches"][number]>();
  let deps: EventChainDeps | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };

  async function makeRounds(chainDeps: EventChainDeps): Promise<void> {
    const { database } = chainDeps;
    const newest = await database.read.query<NewestRow>(NEWEST, []);
    const batches = newest.reverse().filter(({ id }) => committed.has(id));
    for (const round of ROUNDS) {
      if (round.length > batches.length) continue;
      const taken = batches.slice(-round.length);
      const kept = new KeptBatches();
      for (const [place, { id }] of taken.entries()) {
        const batch = committed.get(id);
        if (round[place] && batch !== undefined) kept.keep([batch]);
      }
      const asked: string[] = [];
      const heard = {
        ...chainDeps,
        database: { ...database, read: listenTo(database.read, asked) },
      };
      made.push({
        kept: round,
        fromMemory: await eventsOf(heard, taken, kept),
        fromTable: await eventsOf(chainDeps, taken, NOTHING_KEPT),
        asked,
      });
    }
  }

  return {
    made,
    between(database: Database): Database {
      const chainDeps = {
        database,
        graphs: createGraphCache(database),
        log,
        format: "cloudevents",
      } as const;
      deps = chainDeps;
      const { alone } = database;
      return {
        ...database,
        alone: { query: (statement, values) => inTurn(() => alone.query(statement, values)) },
        transaction: (work, opened) => inTurn(() => database.transaction(work, opened)),
      };
    },
    /** Comes in the same turn as the end of the commit: what is asked now is done before the next commit. */
    onCommitted({ batches }: Committed): void {
      const chainDeps = deps;
      if (chainDeps === undefined || batches.length === 0) return;
      void inTurn(async () => {
        for (const batch of batches) committed.set(batch.id, batch);
        await makeRounds(chainDeps);
      });
    },
    /** Waits for the last commit's events. */
    settled: () => inTurn(async () => {}),
  };
}

type NewestRow = UnpublishedBatch & { [column: string]: unknown };

function listenTo(read: Queries, asked: string[]): Queries {
  return {
    ...read,
    query(statement, values) {
      asked.push(statement.name);
      return read.query(statement, values);
    },
  };
}

async function eventsOf(
  deps: EventChainDeps,
  batches: readonly UnpublishedBatch[],
  kept: Pick<KeptBatches, "find">,
): Promise<string[]> {
  const texts: string[] = [];
  for await (const chains of makeChains(deps, batches, kept, new CountedMoves())) {
    for (const { links } of chains) {
      const made: string[] = [];
      for (const { batchId, events } of links) {
        for (const make of events) {
          const each = await make();
          if (each !== undefined) made.push(textOf(batchId, each));
        }
      }
      texts.push(made.join("\n"));
    }
  }
  return texts.sort();
}

function textOf(batchId: number, { id, subject, body }: OutgoingEvent): string {
  return `${batchId} ${id} ${subject} ${body}`;
}
