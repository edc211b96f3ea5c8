/**
 * Submits the next transition of runs with pending work. A run continues behind what waits in its lane, so that other
 * runs have their turn in between.
 * Boundary: in memory only; the standing loop (ingress/timers/unfinished-runs.ts) finds what is lost of it.
 */
import type { Log } from "../process/log.ts";
import type { UnfinishedRun } from "../store/service-reads/unfinished-runs.ts";
import type { LaneEntry } from "./lane-entry.ts";
import type { Submission } from "./submission.ts";

/** See the file's head. */
export interface Continuations {
  /** Submits `run_continued`, once at a time for a run. No caller waits for it. */
  submit(run: UnfinishedRun): void;
  /** Notes which entries are settled: their runs may be submitted again. */
  noteSettled(entries: readonly LaneEntry[]): void;
  /** Submits nothing more. */
  stop(): void;
}

/** Submits through `submit`. */
export function createContinuations(
  log: Log,
  submit: (submission: Submission) => Promise<unknown>,
): Continuations {
  const submitted = new Set<string>();
  let stopped = false;
  return {
    submit({ runId, workspaceId }) {
      if (stopped || submitted.has(runId)) return;
      submitted.add(runId);
      const cause = { kind: "engine", id: "run_continued" } as const;
      const input = { kind: "run_continued", cause } as const;
      submit({ kind: "input", runId, workspaceId, input }).catch((error: unknown) => {
        submitted.delete(runId);
        log.debug("a run goes on later", { runId, error });
      });
    },
    noteSettled(entries) {
      for (const { runId, submission } of entries) {
        if (submission.kind === "input" && submission.input.kind === "run_continued") {
          submitted.delete(runId);
        }
      }
    },
    stop() {
      stopped = true;
    },
  };
}
