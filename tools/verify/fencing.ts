/**
 * I6: no row was changed by a superseded attempt or by a writer that had lost its place.
 * Boundary: judges one run after the fact. The history shows which attempt each result belonged to, and the ids of
 * batches in which order the writers committed.
 */
import type { Cause } from "../../src/engine/values/input.ts";
import type { Move } from "../../src/engine/values/move.ts";
import { parseTaskId } from "../../src/engine/values/task.ts";
import { type LedgerEntries, readKey } from "./ledgers.ts";
import type { Findings } from "./report.ts";
import type { RunHistory, StoredMoves, StoredStep } from "./stored-runs.ts";

/** A run with what its steps know of attempts and objects. */
interface FencedRun extends RunHistory {
  readonly steps: readonly Pick<
    StoredStep,
    "index" | "retryCount" | "objectiveId" | "delegationId" | "approvalRequestId"
  >[];
}

type StepMove = Extract<Move, { of: "step" }>;

/** Calls whose results belong to one attempt alone. Child runs are counted over all attempts. */
const OF_ONE_ATTEMPT: readonly string[] = [
  "look_up",
  "create_objective",
  "delegate",
  "read_output",
  "query_usage",
  "request_approval",
  "evaluate_action",
];
const OBJECT_IDS = ["objective_id", "delegation_id", "approval_request_id"] as const;

/** Finds what an older attempt or an older writer changed. */
export function checkFencing(
  findings: Findings,
  whole: FencedRun,
  entries: LedgerEntries | undefined,
): void {
  const violate = (what: string) => findings.violate(`${whole.run.id}: ${what}`);
  findings.count("rows", whole.rows.length);
  const retries = new Map<number, number>();
  const attemptOfId = new Map<string, number>();
  const applied = new Set<string>();
  let batchId = 0;
  for (const row of whole.rows) {
    if (row.batchId < batchId)
      violate(`row ${row.seq} was committed before the row that it follows`);
    batchId = row.batchId;
    judgeResult(whole, row, { retries, applied, violate });
    for (const move of row.moves) {
      if (move.of === "step") judgeMove(row.seq, move, { retries, attemptOfId, violate });
    }
  }
  judgeRows(whole, entries, violate);
}

/** A result that moved its step belongs to the attempt that was current, and was applied once. */
function judgeResult(
  { run, version }: RunHistory,
  { seq, cause, moves }: StoredMoves,
  known: {
    readonly retries: ReadonlyMap<number, number>;
    readonly applied: Set<string>;
    readonly violate: (what: string) => void;
  },
): void {
  const parts = resultOf(cause, run.id);
  if (parts === undefined) return;
  const index = version.findIndex(({ id }) => id === parts.stepId);
  const moved = moves.some((move) => move.of === "step" && move.step === index && isChange(move));
  if (!moved) return;
  const current = (known.retries.get(index) ?? 0) + 1;
  if (parts.attempt !== current) {
    known.violate(`row ${seq}: ${cause.id} moved step ${index}, which was in attempt ${current}`);
  }
  if (known.applied.has(cause.id)) known.violate(`row ${seq}: ${cause.id} moved its step again`);
  known.applied.add(cause.id);
}

/** Of a call, or of a task, whose cause is named by the task. */
function resultOf({ kind, id }: Cause, runId: string) {
  if (kind === "event") {
    const task = parseTaskId(id);
    return task?.runId === runId ? task : undefined;
  }
  const parts = kind === "call" ? readKey(id) : undefined;
  return OF_ONE_ATTEMPT.includes(parts?.call.replace(/-.*$/, "") ?? "") ? parts : undefined;
}

function isChange(move: StepMove): boolean {
  return move.op !== undefined || move.from !== move.to;
}

/** Attempts only rise, and an object of one attempt never comes back in a later one. */
function judgeMove(
  seq: number,
  move: StepMove,
  known: {
    readonly retries: Map<number, number>;
    readonly attemptOfId: Map<string, number>;
    readonly violate: (what: string) => void;
  },
): void {
  const { step, retry = 0, ids = {} } = move;
  const before = known.retries.get(step) ?? 0;
  if (retry < before)
    known.violate(`row ${seq}: step ${step} goes from retry ${before} to ${retry}`);
  known.retries.set(step, Math.max(retry, before));
  // The move that ends an attempt carries the number of the next one, and the ids of its own.
  const attempt = move.op === "retrying" ? retry : retry + 1;
  for (const name of OBJECT_IDS) {
    const id = ids[name];
    if (id === undefined) continue;
    const owner = known.attemptOfId.get(`${step}/${id}`) ?? attempt;
    known.attemptOfId.set(`${step}/${id}`, owner);
    if (owner !== attempt) {
      known.violate(`row ${seq}: step ${step} has ${id} of attempt ${owner} in attempt ${attempt}`);
    }
  }
}

/** The ids in the rows were made by the attempt that the row is in. */
function judgeRows(
  { run, steps, version }: FencedRun,
  entries: LedgerEntries | undefined,
  violate: (what: string) => void,
): void {
  const made = new Map((entries?.get(run.id) ?? []).map(({ id, parts }) => [id, parts]));
  for (const { index, retryCount, objectiveId, delegationId, approvalRequestId } of steps) {
    for (const id of [objectiveId, delegationId, approvalRequestId]) {
      const parts = made.get(id ?? "");
      if (parts === undefined) continue;
      if (parts.stepId !== version[index]?.id || parts.attempt !== retryCount + 1) {
        violate(
          `step ${index}, in attempt ${retryCount + 1}, has ${id} of ${parts.stepId}/${parts.attempt}`,
        );
      }
    }
  }
}
