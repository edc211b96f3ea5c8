/**
 * The ledgers of collaborators, by the run, step, attempt and call that asked for each object.
 * Boundary: reads the `Idempotency-Key`; what may be there is judged by the checks.
 */
import type { Ledgers } from "../../src/sandbox/stage.ts";

/** One object that a collaborator made. */
export interface Effect {
  readonly ledger: keyof Ledgers;
  /** The object's id. */
  readonly id: string;
  readonly key: string;
  readonly runId: string;
  /** "-" for a call of the run itself. */
  readonly stepId: string;
  readonly attempt: number;
  /** Such as `create_objective`, with `-<n>` for the n-th of several. */
  readonly call: string;
  readonly workspaceId: string | undefined;
  readonly recordedAt: Date;
}

/** The ledgers, sorted. */
export interface EffectsMade {
  readonly byRun: ReadonlyMap<string, readonly Effect[]>;
  /** Objects whose key is missing or names no run, as lines. */
  readonly ownerless: readonly string[];
  /** USD by `run/step`. */
  readonly costs: ReadonlyMap<string, number>;
}

const COST_KEY = "workflow_step";
const KEY = /^([^/]+)\/(.+)\/(\d+)\/([^/]+)$/;
/** Usage is recorded by agents, not by the service. */
const NOT_OURS: ReadonlySet<string> = new Set(["usage"]);

/** Sorts the ledgers. */
export function sortEffects(ledgers: Readonly<Ledgers>): EffectsMade {
  const byRun = new Map<string, Effect[]>();
  const ownerless: string[] = [];
  for (const ledger of ledgerNames(ledgers)) {
    if (NOT_OURS.has(ledger)) continue;
    for (const entry of ledgers[ledger]) {
      const key = entry.idempotencyKey ?? "";
      const [, runId = "", stepId = "", attempt = "", call = ""] = KEY.exec(key) ?? [];
      if (runId === "") {
        ownerless.push(`${ledger} ${entry.id}: its key is "${key}"`);
        continue;
      }
      const { id, recordedAt, request } = entry;
      const workspaceId = "workspaceId" in request ? request.workspaceId : undefined;
      const effect = { ledger, id, key, runId, stepId, call, recordedAt, workspaceId };
      const known = byRun.get(runId) ?? [];
      known.push({ ...effect, attempt: Number(attempt) });
      byRun.set(runId, known);
    }
  }
  return { byRun, ownerless, costs: costsOf(ledgers) };
}

function ledgerNames(ledgers: Readonly<Ledgers>): (keyof Ledgers)[] {
  const names: Readonly<Record<keyof Ledgers, true>> = {
    objectives: true,
    cancellations: true,
    delegations: true,
    approvals: true,
    escalations: true,
    evaluations: true,
    notifications: true,
    usage: true,
  };
  return (Object.keys(ledgers) as (keyof Ledgers)[]).filter((name) => names[name]);
}

function costsOf({ usage }: Readonly<Ledgers>): Map<string, number> {
  const costs = new Map<string, number>();
  for (const { request } of usage) {
    const step = request.metadata?.[COST_KEY];
    if (typeof step !== "string") continue;
    costs.set(step, (costs.get(step) ?? 0) + request.totalCostUsd);
  }
  return costs;
}
