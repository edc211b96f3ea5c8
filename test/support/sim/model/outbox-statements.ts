/** Statements of publishing (store/outbox.ts, stream-marks.ts), and of what became of a commit (commit-status.ts). */

import { PARTITION_LEASE_MS } from "../../../../src/store/outbox.ts";
import { RUN_ITSELF } from "../../../../src/store/packed-moves.ts";
import type { MovesRow } from "./rows.ts";
import { type At, by, type ModelStatements, zip } from "./statement.ts";

/** See the file's head. */
export const outboxStatements: ModelStatements = {
  // No workflow of a world announces its starts.
  find_announced_workflows: () => [],
  take_partitions: takePartitions,
  async show_replica({ tx, tables, now }, [holder, partition]: [string, number]) {
    const leaseUntil = new Date(now.getTime() + PARTITION_LEASE_MS);
    const key = String(partition);
    if (await tx.insert(tables.partitions, key, { partition, holder, leaseUntil })) return [];
    await tx.lock(tables.partitions, key);
    const shown = tx.get(tables.partitions, key);
    if (shown !== undefined && (shown.holder === holder || hasEnded(shown, now))) {
      tx.put(tables.partitions, key, { ...shown, holder, leaseUntil });
    }
    return [];
  },
  let_go_partitions(
    { tx, tables, now },
    [holder, partitions, untilMs]: [string, number[] | null, number | null],
  ) {
    for (const lease of tx.rows(tables.partitions)) {
      if (lease.holder !== holder || partitions?.includes(lease.partition) === false) continue;
      if (untilMs !== null && lease.leaseUntil.getTime() > untilMs) continue;
      tx.put(tables.partitions, String(lease.partition), { ...lease, leaseUntil: now });
    }
    return [];
  },
  list_unpublished_batches: ({ tx, tables }, [partitions, limit]: [number[], number]) =>
    [...tx.rows(tables.batches)]
      .filter(
        ({ partition, publishedAt }) => publishedAt === null && partitions.includes(partition),
      )
      .sort(by(({ id }) => id))
      .slice(0, limit)
      .map(({ id, partition, changes }) => ({ id, partition, changes })),
  list_moves_of_batches: ({ tx, tables }, [batchIds]: [number[]]) =>
    [...tx.rows(tables.moves)]
      .filter(({ batchId }) => batchIds.includes(batchId))
      .sort(
        by(
          ({ runId }) => runId,
          ({ seq }) => seq,
        ),
      )
      .map(({ xmin: _, ...row }) => row),
  list_runs_of_moves: ({ tx, tables }, [runIds]: [string[]]) =>
    [...new Set(runIds)]
      .flatMap((id) => tx.get(tables.runs, id) ?? [])
      .map(({ xmin: _, inputPayload: __, ...row }) => row),
  list_next_run_states: ({ tx, tables }, [runIds, seqs]: [string[], number[]]) =>
    zip(runIds, seqs).flatMap(([runId, seq]) => {
      const later = [...tx.rows(tables.moves)]
        .filter((row) => row.runId === runId && row.seq > seq && movesRun(row))
        .sort(by((row) => row.seq));
      return later.slice(0, 1).map(({ cause, moves }) => ({ runId, cause, moves }));
    }),
  list_earlier_run_ends: ({ tx, tables }, [runIds, seqs]: [string[], number[]]) =>
    zip(runIds, seqs).flatMap(([runId, seq]) => {
      const earlier = [...tx.rows(tables.moves)]
        .filter((row) => row.runId === runId && row.seq < seq && changesRun(row))
        .sort(by((row) => -row.seq));
      return earlier
        .slice(0, 1)
        .map(({ recordedAt, cause, moves }) => ({ runId, seq, recordedAt, cause, moves }));
    }),
  newest_stream_mark: ({ tx, tables }, [stream]: [string]) =>
    [...tx.rows(tables.streamMarks)]
      .filter((mark) => mark.stream === stream)
      .sort(by((mark) => -mark.markedAt.getTime()))
      .slice(0, 1)
      .map(({ created, seq, markedAt: at }) => {
        const acks = [...tx.rows(tables.streamAcks)].filter(
          (ack) => ack.stream === stream && ack.notedAt.getTime() >= at.getTime(),
        );
        return { created, seq, at, highest: Math.max(seq, ...acks.map((ack) => ack.seq)) };
      }),
  async add_stream_mark(
    { tx, tables },
    [stream, created, seq, markedAt]: [string, string, number, Date],
  ) {
    const key = `${stream}|${markedAt.getTime()}`;
    await tx.insert(tables.streamMarks, key, { stream, created, seq, markedAt });
    return [];
  },
  read_clock: ({ now }) => [{ at: now }],
  find_commit_status({ tx }, [id]: [string]) {
    return [{ status: tx.shared.ended.get(id) ?? "in progress" }];
  },
  // The model gives no id twice.
  find_committed_move: () => [{ found: true }],
};

async function takePartitions({ tx, tables, now }: At, [holder, count]: [string, number]) {
  const leaseUntil = new Date(now.getTime() + PARTITION_LEASE_MS);
  const rows = [...tx.rows(tables.partitions)].sort(by(({ partition }) => partition));
  const leased = rows.filter((lease) => !hasEnded(lease, now));
  const others = new Set(leased.map((lease) => lease.holder).filter((each) => each !== holder));
  const taken: number[] = [];
  for (let partition = 0; partition < count; partition += 1) {
    const lease = { partition, holder, leaseUntil };
    if (rows.some((row) => row.partition === partition)) continue;
    if (await tx.insert(tables.partitions, String(partition), lease)) taken.push(partition);
  }
  const take = (lease: (typeof rows)[number]) => {
    const key = String(lease.partition);
    if (!tx.tryLock(tables.partitions, key)) return false;
    tx.put(tables.partitions, key, { ...lease, holder, leaseUntil });
    taken.push(lease.partition);
    return true;
  };
  const own = leased.filter((lease) => lease.holder === holder && lease.partition < count);
  let room = Math.ceil(count / (1 + others.size)) - own.filter(take).length;
  for (const lease of rows) {
    if (room <= 0) break;
    if (lease.partition < count && hasEnded(lease, now) && take(lease)) room -= 1;
  }
  const untilMs = leaseUntil.getTime();
  return [
    ...taken.map((partition) => ({ partition, untilMs, other: null })),
    ...[...others].map((other) => ({ partition: null, untilMs: 0, other })),
  ];
}

function hasEnded({ leaseUntil }: { readonly leaseUntil: Date }, now: Date): boolean {
  return leaseUntil.getTime() <= now.getTime();
}

function movesRun({ moves }: MovesRow): boolean {
  return moves.some(([step]) => step === RUN_ITSELF);
}

function changesRun({ moves }: MovesRow): boolean {
  return moves.some(([step, from, to]) => step === RUN_ITSELF && from !== to);
}
