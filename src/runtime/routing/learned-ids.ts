/**
 * Ids of objects that steps learned in commits of this replica, for reports that come before the reply's commit.
 * Boundary: in memory, a short cut. What is not met here is kept in the table (route-inputs.ts), and meets there.
 * Invariant: an id is noted after its commit, so a step that is found here is stored with it.
 */
import { keyOf, ShortMemory } from "../../process/short-memory.ts";
import type { LearnedId } from "../commit-batch.ts";

/** The step that an object belongs to. */
export type LearnedStep = Pick<LearnedId, "runId" | "stepIndex">;

/** An object of a workspace. */
export interface ReportedObject {
  readonly workspaceId: string;
  readonly objectId: string;
}

const KEPT_MS = 10_000;
const KEPT_AT_MOST = 20_000;
/** The reply to a call and the event about its object are made at the same time: the commit is a few ms behind. */
const PATIENCE_MS = 50;

/** See the file's head. */
export class LearnedIds {
  readonly #known = new ShortMemory<LearnedStep>(KEPT_MS, KEPT_AT_MOST);
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Notes what a commit taught. */
  note(learned: readonly LearnedId[]): void {
    for (const { workspaceId, id, runId, stepIndex } of learned) {
      const key = keyOf(workspaceId, id);
      this.#known.keep(key, { runId, stepIndex });
      for (const wake of this.#waiting.get(key) ?? []) wake();
    }
  }

  /** Waits up to 50 ms until all of these are known; gives the step of each, in order. */
  async awaitSteps(objects: readonly ReportedObject[]): Promise<(LearnedStep | undefined)[]> {
    const keys = objects.map(({ workspaceId, objectId }) => keyOf(workspaceId, objectId));
    const missing = new Set(keys.filter((key) => this.#known.find(key) === undefined));
    if (missing.size > 0) await this.#untilKnown(missing);
    return keys.map((key) => this.#known.find(key));
  }

  #untilKnown(missing: Set<string>): Promise<void> {
    return new Promise((resolve) => {
      const wakes = new Map<string, () => void>();
      const end = () => {
        clearTimeout(timer);
        for (const [key, wake] of wakes) this.#forget(key, wake);
        resolve();
      };
      const timer = setTimeout(end, PATIENCE_MS);
      for (const key of missing) {
        const wake = () => {
          missing.delete(key);
          if (missing.size === 0) end();
        };
        wakes.set(key, wake);
        this.#waiting.set(key, (this.#waiting.get(key) ?? new Set()).add(wake));
      }
    });
  }

  #forget(key: string, wake: () => void): void {
    const wakes = this.#waiting.get(key);
    wakes?.delete(wake);
    if (wakes?.size === 0) this.#waiting.delete(key);
  }
}
