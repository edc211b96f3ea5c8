/**
 * Ids of objects in replies that this replica took, for reports that come before the reply's commit.
 * Boundary: in memory, and bounded. A report whose reply is not found here is kept in the table (early-reports.ts).
 * Invariant: an id is noted once its reply is in its lane. So a report that is submitted for it is folded behind the reply,
 * mostly in the same commit; where the reply was not taken after all, the report is not applied and is kept.
 */
import type { CallValue } from "../../engine/values/call.ts";
import { keyOf, ShortMemory } from "../../process/short-memory.ts";
import type { LearnedId } from "../commit-batch.ts";
import type { LeasedCall, Submission } from "../submission.ts";

/** The step that an object belongs to. */
export type LearnedStep = Pick<LearnedId, "runId" | "stepIndex">;

/** Calls that make an object, by what they make. */
const MAKING = {
  objective: "create_objective",
  delegation: "delegate",
  approval: "request_approval",
} as const;

/** An object of a workspace. */
export interface ReportedObject {
  readonly workspaceId: string;
  readonly kind: keyof typeof MAKING;
  readonly objectId: string;
}

const KEPT_MS = 10_000;
const KEPT_AT_MOST = 20_000;
/** The reply to a call and the event about its object are made at the same time, and come over two connections. */
const PATIENCE_MS = 50;
/** A call that has no reply by then is not waited for: its collaborator is slow or away. */
const CALLED_WITHIN_MS = 10_000;

/** See the file's head. */
export class LearnedIds {
  readonly #known = new ShortMemory<LearnedStep>(KEPT_MS, KEPT_AT_MOST);
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Which kinds of calls were made lately, by workspace. */
  readonly #called = new ShortMemory<true>(CALLED_WITHIN_MS, KEPT_AT_MOST);

  /** Notes calls that were committed and are this replica's to make. */
  noteCalls(calls: readonly Pick<LeasedCall, "workspaceId" | "kind">[]): void {
    for (const { workspaceId, kind } of calls) this.#called.keep(keyOf(workspaceId, kind), true);
  }

  /** Notes the object that a reply names. */
  note(submission: Submission): void {
    if (submission.kind !== "input" || submission.input.kind !== "call_returned") return;
    const { runId, workspaceId, input } = submission;
    const objectId = input.result.ok ? objectIdOf(input.result.value) : "";
    if (objectId === "") return;
    const key = keyOf(workspaceId, input.call, objectId);
    this.#known.keep(key, { runId, stepIndex: input.stepIndex });
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /**
   * Waits up to 50 ms until all of these are known that a call of this replica may have made just now; gives the step of
   * each, in order.
   */
  async awaitSteps(objects: readonly ReportedObject[]): Promise<(LearnedStep | undefined)[]> {
    const keys = objects.map(({ workspaceId, kind, objectId }) =>
      keyOf(workspaceId, MAKING[kind], objectId),
    );
    const missing = new Set(
      objects.flatMap(({ workspaceId, kind }, place) => {
        const key = keys[place] ?? "";
        const isAwaited = this.#called.find(keyOf(workspaceId, MAKING[kind])) === true;
        return isAwaited && this.#known.find(key) === undefined ? [key] : [];
      }),
    );
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

/** The object that a reply names; "" of one that names none. */
function objectIdOf(value: CallValue): string {
  switch (value.kind) {
    case "create_objective":
      return value.objectiveId;
    case "delegate":
      return value.delegationId;
    case "request_approval":
      return value.requestId;
    default:
      return "";
  }
}
