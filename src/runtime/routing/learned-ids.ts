/**
 * Ids of objects in replies that this replica took, for reports that come soon after.
 * Boundary: in memory, and bounded. A report whose reply is not found here is looked up (route-inputs.ts), and kept in the
 * table when it is early (early-reports.ts).
 * Invariants:
 * 1. An id is noted once its reply is in its lane. So a report that is submitted for it is folded behind the reply, mostly in
 *    the same commit; where the reply was not taken after all, the report is not applied.
 * 2. An id that replies for two steps named within KEPT_MS is not known by `findStep`: the database knows both. `awaitStep`
 *    gives the last of them, for a report that no step is known for in the database.
 */
import type { CallValue } from "../../engine/values/call.ts";
import { keyOf, ShortMemory } from "../../process/short-memory.ts";
import type { LeasedCall, Submission } from "../submission.ts";
import type { LearnedId } from "../write-batch.ts";

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
/** A call that has no reply by then is not waited for: its collaborator is slow or away. */
const CALLED_WITHIN_MS = 10_000;

/** See the file's head. */
export class LearnedIds {
  readonly #known = new ShortMemory<LearnedStep & { readonly isShared: boolean }>(
    KEPT_MS,
    KEPT_AT_MOST,
  );
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Which kinds of calls were made lately, by workspace. */
  readonly #called = new ShortMemory<true>(CALLED_WITHIN_MS, KEPT_AT_MOST);

  /** Notes calls that were committed and are this replica's to make. */
  noteCalls(calls: readonly Pick<LeasedCall, "workspaceId" | "kind">[]): void {
    for (const { workspaceId, kind } of calls) this.#called.keep(keyOf(workspaceId, kind), true);
  }

  /** Notes the object that a reply names. */
  note(submission: Submission): void {
    const objectId = objectIn(submission);
    if (objectId === "" || submission.kind !== "input") return;
    const { runId, workspaceId, input } = submission;
    if (input.kind !== "call_returned") return;
    const key = keyOf(workspaceId, input.call, objectId);
    const { stepIndex } = input;
    const before = this.#known.find(key);
    const isOther = before?.runId !== runId || before.stepIndex !== stepIndex;
    const isShared = before !== undefined && (before.isShared || isOther);
    this.#known.keep(key, { runId, stepIndex, isShared });
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /** The step that an object belongs to, where a reply said so and none named another step. */
  findStep(object: ReportedObject): LearnedStep | undefined {
    const known = this.#known.find(keyOfObject(object));
    return known === undefined || known.isShared ? undefined : stepOf(known);
  }

  /** Whether a call of this replica may bring the id of an object just now. */
  isAwaited({ workspaceId, kind }: ReportedObject): boolean {
    return this.#called.find(keyOf(workspaceId, MAKING[kind])) === true;
  }

  /** The step of an object, as soon as a reply names it within so many ms. */
  async awaitStep(object: ReportedObject, withinMs: number): Promise<LearnedStep | undefined> {
    const key = keyOfObject(object);
    if (this.#known.find(key) === undefined) await this.#untilKnown(key, withinMs);
    const known = this.#known.find(key);
    return known && stepOf(known);
  }

  #untilKnown(key: string, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#forget(key, end);
        resolve();
      };
      const timer = setTimeout(end, withinMs);
      this.#waiting.set(key, (this.#waiting.get(key) ?? new Set()).add(end));
    });
  }

  #forget(key: string, wake: () => void): void {
    const wakes = this.#waiting.get(key);
    wakes?.delete(wake);
    if (wakes?.size === 0) this.#waiting.delete(key);
  }
}

/** The object that a submission has a step learn; "" of one that has not. */
export function objectIn(submission: Submission): string {
  if (submission.kind !== "input" || submission.input.kind !== "call_returned") return "";
  const { result } = submission.input;
  return result.ok ? objectIdOf(result.value) : "";
}

function keyOfObject({ workspaceId, kind, objectId }: ReportedObject): string {
  return keyOf(workspaceId, MAKING[kind], objectId);
}

function stepOf({ runId, stepIndex }: LearnedStep): LearnedStep {
  return { runId, stepIndex };
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
