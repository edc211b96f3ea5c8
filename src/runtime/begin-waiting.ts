/**
 * Begins runs that wait for their turn, oldest first; where a workflow replaces, it cancels the oldest runs in favour of the newest.
 * Boundary: one round over the keys with runs that wait. ingress/timers/ decides when the next one is.
 * Invariants:
 * 1. What is begun is counted under the lock of its key (run-limits.ts), so a round that read too much begins too little, and never too many. Every
 *    replica may run it at once.
 * 2. A run that cannot be begun is left out for a while, so that those behind it in its key have their turn.
 */
import type { Cause } from "../engine/values/input.ts";
import { WAITING_AT_MOST, WHEN_FULL } from "../engine/values/run-limit.ts";
import type { Log } from "../process/log.ts";
import type { Database } from "../store/database.ts";
import { findWaiting, type RunKey, type WaitingKey } from "../store/run-limits.ts";
import type { LeftOutRuns } from "./left-out-runs.ts";
import type { Processor } from "./processor.ts";
import { isTemporary } from "./temporary.ts";

/** What a round needs. */
export interface WaitingDeps {
  readonly database: Pick<Database, "read">;
  readonly processor: Pick<Processor, "submit">;
  readonly log: Log;
  /** Those that this replica could not begin. */
  readonly leftOut: LeftOutRuns;
}

/** Where the next round goes on. */
export interface WaitingRound {
  /** Undefined: at the first key. */
  readonly next: RunKey | undefined;
  /** How long it took to read the keys, in ms. */
  readonly readMs: number;
}

type Waiting = WaitingKey["waiting"][number];

const KEYS_AT_ONCE = 100;
/** Of a key, so that a limit that is taken away fills no lane. */
const RUNS_AT_ONCE = 20;
const FIRST: RunKey = { definitionId: "", key: "" };
const CAUSE: Cause = { kind: "engine", id: "run_limit" };

/** One round: of the keys after `after`, 100 at most. */
export async function beginWaiting(
  deps: WaitingDeps,
  after: RunKey | undefined,
): Promise<WaitingRound> {
  const limit = { keys: KEYS_AT_ONCE, runs: WAITING_AT_MOST };
  const beganMs = performance.now();
  const keys = await findWaiting(deps.database.read, after ?? FIRST, limit, deps.leftOut.ids());
  const readMs = performance.now() - beganMs;
  await Promise.all(keys.map((key) => serve(deps, key)));
  const last = keys.at(-1);
  return { next: keys.length < KEYS_AT_ONCE ? undefined : last, readMs };
}

async function serve(deps: WaitingDeps, found: WaitingKey): Promise<void> {
  const { maxOpenRuns, whenFull, open, waiting } = found;
  if (maxOpenRuns === null) return begin(deps, waiting);
  if (WHEN_FULL[whenFull ?? 0] !== "replace") {
    return begin(deps, waiting.slice(0, Math.max(0, maxOpenRuns - open.length)));
  }
  // A run that is being compensated is not cut off. One that waits may be older than one that is open: it could not be begun before.
  const replaceable = [...open.filter(({ state }) => state !== "COMPENSATING"), ...waiting].sort(
    (a, b) => a.madeAt - b.madeAt,
  );
  const most = maxOpenRuns - (open.length - (replaceable.length - waiting.length));
  const excess = Math.max(0, replaceable.length - Math.max(0, most));
  // Where nothing but compensations is open, the newest waits.
  const replaced = replaceable.slice(0, Math.min(excess, replaceable.length - 1));
  await inPieces(replaced, (run) => replace(deps, run, replaceable.at(-1)));
  const gone = new Set(replaced.map(({ id }) => id));
  await begin(deps, waiting.filter(({ id }) => !gone.has(id)).slice(0, maxOpenRuns));
}

async function begin(deps: WaitingDeps, runs: readonly Waiting[]): Promise<void> {
  await inPieces(runs, ({ id: runId, workspaceId }) =>
    submit(deps, { runId, workspaceId }, { kind: "run_begun", cause: CAUSE }),
  );
}

async function inPieces(
  runs: readonly Waiting[],
  change: (run: Waiting) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < runs.length; at += RUNS_AT_ONCE) {
    await Promise.all(runs.slice(at, at + RUNS_AT_ONCE).map(change));
  }
}

/** One that has ended meanwhile stays as it is. */
function replace(
  deps: WaitingDeps,
  { id: runId, workspaceId }: Waiting,
  by: Waiting | undefined,
): Promise<void> {
  const reason = `replaced by run ${by?.id ?? ""}: the workflow has as many open runs as it may`;
  return submit(deps, { runId, workspaceId }, { kind: "cancel_requested", reason, cause: CAUSE });
}

async function submit(
  { processor, log, leftOut }: WaitingDeps,
  run: { readonly runId: string; readonly workspaceId: string },
  input: Extract<Parameters<Processor["submit"]>[0], { kind: "input" }>["input"],
): Promise<void> {
  try {
    await processor.submit({ kind: "input", ...run, input });
    leftOut.forget(run.runId);
  } catch (error) {
    // It waits still, and comes again with a later round.
    if (isTemporary(error)) return;
    leftOut.leaveOut(run.runId);
    log.error("a run that waits cannot be begun, and is left out for a while", { ...run, error });
  }
}
