/**
 * I11: no timer fired early, by the times of the history: time-outs, delays, further attempts, deadlines, slots.
 * A delay or a date that an expression gives is known to the run alone and is not judged.
 */
import type { Findings } from "./report.ts";
import type { RunCheck } from "./run-check.ts";
import type { HistoryFacts, RunPicture } from "./run-picture.ts";

const JITTER_AT_LEAST = 0.9;
const MAX_BACKOFF_MS = 86_400_000;
/** Times of the history are whole milliseconds. */
const ROUNDING_MS = 1;

interface StepTimes {
  startedMs?: number;
  retryFromMs?: number;
}

/** The timers of one run. */
export const timersInTime: RunCheck = {
  id: "I11",
  check(picture, findings) {
    checkSlot(picture, findings);
    const steps = new Map<number, StepTimes>();
    for (const row of picture.history) {
      const atMs = row.recordedAt.getTime();
      checkDeadline(picture, row, findings);
      for (const move of row.moves) {
        if (move.of === "run") continue;
        const times = steps.get(move.step) ?? {};
        const fired = (what: string, fromMs: number | undefined, waitMs: number) => {
          if (fromMs === undefined || waitMs <= 0) return;
          findings.saw();
          const earlyMs = fromMs + waitMs - atMs;
          if (earlyMs <= ROUNDING_MS) return;
          const where = `row ${row.seq}: step ${move.step}`;
          findings.violated(picture.run.id, `${where} ${what} ${Math.ceil(earlyMs)} ms early`);
        };
        const words = picture.words[move.step];
        const { timeoutSeconds = 0, delaySeconds = 0 } = words ?? {};
        if (move.op === "retrying") times.retryFromMs = atMs;
        if (move.op === "started") {
          fired(
            "was tried again",
            times.retryFromMs,
            leastBackoffMs(picture, move.step, move.retry),
          );
          delete times.retryFromMs;
          times.startedMs = atMs;
        }
        if (row.cause.kind === "timer" && row.cause.id === "due" && move.from !== move.to) {
          if (move.error?.startsWith("timed out after")) {
            fired("timed out", times.startedMs, timeoutSeconds * 1_000);
          } else if (move.op === "completed" && move.from === "WAITING") {
            fired("ended its delay", times.startedMs, delaySeconds * 1_000);
          }
        }
        steps.set(move.step, times);
      }
    }
  },
};

function leastBackoffMs({ words }: RunPicture, index: number, retry = 0): number {
  const { backoffSeconds = 0, multiplier = 1 } = words[index] ?? {};
  const plain = backoffSeconds * 1_000 * Math.max(1, multiplier) ** Math.max(0, retry - 1);
  return Math.min(plain * JITTER_AT_LEAST, MAX_BACKOFF_MS);
}

function checkDeadline({ run }: RunPicture, row: HistoryFacts, findings: Findings): void {
  if (row.cause.kind !== "timer" || row.cause.id !== "deadline" || run.deadline_at === null) return;
  findings.saw();
  if (row.recordedAt < run.deadline_at) {
    findings.violated(run.id, `row ${row.seq}: its deadline is ${run.deadline_at.toISOString()}`);
  }
}

function checkSlot({ run }: RunPicture, findings: Findings): void {
  const slot = /^schedule:[^:]+:(.+)$/.exec(run.trigger_event_id)?.[1];
  if (run.trigger_type !== "SCHEDULE" || slot === undefined) return;
  findings.saw();
  if (run.created_at.getTime() < Date.parse(slot)) {
    findings.violated(run.id, `started before its slot ${slot}`);
  }
}
