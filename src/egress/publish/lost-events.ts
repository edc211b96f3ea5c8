/**
 * Events that our stream had acknowledged and lost: it was made anew, or an older copy of it was restored. Their batches
 * go into the outbox again and are published under the same ids.
 * Boundary: compares what the stream says with marks (store/stream-marks.ts) and with what was acknowledged here.
 * Invariants:
 * 1. What is compared is read before the stream is asked, so a stream that goes on meanwhile has lost nothing.
 * 2. The mark of what the stream has now is written after its lost batches are in the outbox: a crash begins anew.
 * 3. Nothing is repeated that the stream's own age limit would have dropped.
 */
import type { StreamInfo } from "nats";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import { PARTITIONS } from "../../runtime/partition.ts";
import type { Database } from "../../store/database.ts";
import { readClock } from "../../store/service-reads/clock.ts";
import {
  addStreamMark,
  findMarkOfKept,
  findNewestMark,
  type NewestMark,
  publishAgain,
  type StreamMark,
} from "../../store/stream-marks.ts";
import type { AckedPublish } from "./acked-publish.ts";

/** What it works with. */
export interface LostEventsDeps {
  readonly bus: Pick<AckedPublish, "acked" | "forgetAcked">;
  readonly stream: string;
  readonly database: Database;
  readonly log: Log;
}

/** Finds what was lost. */
export interface LostEvents {
  /** Asks for the stream, and has published again what it lost; `partitions` are those of this replica. */
  recover(partitions: readonly number[], ask: () => Promise<StreamInfo>): Promise<StreamInfo>;
}

const NS_A_MS = 1_000_000;
const ALL_PARTITIONS = Array.from({ length: PARTITIONS }, (_, index) => index);

interface Comparison {
  /** The latest mark of any replica, with what any has noted as acknowledged since. */
  readonly newest: NewestMark | undefined;
  /** What this replica saw last. */
  readonly seen: StreamMark | undefined;
  /** The highest sequence that this replica got an acknowledgement for since, and one that came a second time. */
  readonly acked: AckedPublish["acked"];
}

interface Loss {
  readonly partitions: readonly number[];
  /** What the stream still has: everything up to this sequence. */
  readonly keptSeq: number;
  /** When all was known to be there. */
  readonly intactAt: Date;
}

/** Makes it; it remembers what this replica saw of the stream. */
export function createLostEvents({ bus, stream, database, log }: LostEventsDeps): LostEvents {
  let seen: StreamMark | undefined;

  async function queueAgain(info: StreamInfo, at: Date, loss: Loss): Promise<void> {
    const { partitions, keptSeq, intactAt } = loss;
    const place = { created: info.created, seq: keptSeq, at: intactAt };
    const kept = await findMarkOfKept(database, stream, place);
    const maxAgeMs = info.config.max_age / NS_A_MS;
    const oldestMs = maxAgeMs > 0 ? at.getTime() - maxAgeMs : 0;
    const after = new Date(Math.max(oldestMs, kept?.at.getTime() ?? 0));
    const batches = await publishAgain(database, { partitions, after, until: at });
    count("workflows_batches_published_again_total", {}, batches);
    log.warn("our stream lost acknowledged events; they are published again", {
      stream,
      created: info.created,
      keptSeq,
      after,
      batches,
    });
  }

  return {
    async recover(partitions, ask) {
      const newest = await findNewestMark(database, stream);
      const comparison = { newest, seen, acked: bus.acked };
      const at = await readClock(database.read);
      const info = await ask();
      const loss = findLoss(info, comparison, partitions);
      if (loss !== undefined) await queueAgain(info, at, loss);
      const mark = { created: info.created, seq: info.state.last_seq, at };
      // Behind the mark of a loss, what was acknowledged before it counts no more.
      const isNew = newest?.created !== mark.created || newest.seq !== mark.seq;
      if (isNew || loss !== undefined) await addStreamMark(database, stream, mark);
      seen = mark;
      bus.forgetAcked();
      return info;
    },
  };
}

function findLoss(
  { created, state }: StreamInfo,
  { newest, seen, acked }: Comparison,
  partitions: readonly number[],
): Loss | undefined {
  const { last_seq: seq } = state;
  if (newest !== undefined && (newest.created !== created || seq < newest.highest)) {
    const intactAt = seen === undefined || newest.at > seen.at ? newest.at : seen.at;
    return { partitions: ALL_PARTITIONS, keptSeq: seq, intactAt };
  }
  if (seen === undefined) return undefined;
  // Another replica has found it first and has put all but what this one marked meanwhile into the outbox.
  if (seen.created !== created) return { partitions, keptSeq: seq, intactAt: seen.at };
  const keptSeq = Math.min(seq, acked.repeated - 1);
  if (keptSeq >= acked.highest) return undefined;
  return { partitions: ALL_PARTITIONS, keptSeq, intactAt: seen.at };
}
