/**
 * What the stand-in collaborators share: the script, the bus, timers, and a ledger of everything
 * that was asked of them.
 *
 * Boundary: holds state and hands it out; decides nothing.
 *
 * Invariant: all state is in memory and bounded; the oldest goes first.
 */
import { randomUUID } from "node:crypto";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import type { DelegateRequest } from "../../gen/agents/v1/agents_pb.ts";
import type { RequestApprovalRequest } from "../../gen/approvals/v1/approvals_pb.ts";
import type { EvaluateActionRequest } from "../../gen/governance/v1/governance_pb.ts";
import type { RecordUsageRequest } from "../../gen/meter/v1/meter_pb.ts";
import type { SendRequest } from "../../gen/notifications/v1/notifications_pb.ts";
import type { CreateRequest } from "../../gen/objectives/v1/objectives_pb.ts";
import type { Bus } from "./bus.ts";
import type { SandboxScript } from "./script.ts";
import type { Timers } from "./timers.ts";

/** One thing that was made at a caller's request. */
export interface LedgerEntry<Request> {
  /** The id of what was made. */
  readonly id: string;
  /** The caller's `Idempotency-Key`, undefined when it sent none. */
  readonly idempotencyKey: string | undefined;
  readonly request: Request;
  readonly recordedAt: Date;
}

/** Everything that was made, oldest first; a repeat that was answered by its key is not here. */
export interface Ledgers {
  readonly objectives: LedgerEntry<CreateRequest>[];
  /** `id` is the objective's. */
  readonly cancellations: LedgerEntry<{ readonly reason: string }>[];
  readonly delegations: LedgerEntry<DelegateRequest>[];
  readonly approvals: LedgerEntry<RequestApprovalRequest>[];
  readonly evaluations: LedgerEntry<EvaluateActionRequest>[];
  readonly notifications: LedgerEntry<SendRequest>[];
  readonly usage: LedgerEntry<RecordUsageRequest>[];
}

/** What every collaborator works with. */
export interface Stage {
  readonly script: SandboxScript;
  readonly bus: Bus;
  readonly timers: Timers;
  readonly ledgers: Ledgers;
  readonly log: (line: string) => void;
}

/** The environment variables that name the collaborators played here. */
export type CollaboratorVariable =
  | "OBJECTIVES_URL"
  | "AGENTS_URL"
  | "REGISTRY_URL"
  | "APPROVALS_URL"
  | "GOVERNANCE_URL"
  | "NOTIFICATIONS_URL"
  | "METER_URL"
  | "PROMPTS_URL"
  | "SKILLS_URL"
  | "ENTITIES_URL"
  | "IDENTITY_URL";

/** One collaborator's RPCs, added to the router of the one server. */
export type Routes = (router: ConnectRouter) => void;

const MOST_KEPT = 100_000;

/** Empty ledgers. */
export function makeLedgers(): Ledgers {
  return {
    objectives: [],
    cancellations: [],
    delegations: [],
    approvals: [],
    evaluations: [],
    notifications: [],
    usage: [],
  };
}

/** Writes an entry into a ledger, with the caller's key when there is a call. */
export function recordEntry<Request>(
  ledger: LedgerEntry<Request>[],
  id: string,
  request: Request,
  context?: HandlerContext,
): void {
  const idempotencyKey = context?.requestHeader.get("idempotency-key") ?? undefined;
  ledger.push({ id, idempotencyKey, request, recordedAt: new Date() });
  if (ledger.length > MOST_KEPT) ledger.shift();
}

/** Sets a key of a map that drops its oldest entry when it grows too long. */
export function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  if (map.size <= MOST_KEPT) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

/** A new id such as `obj_5f0c…`. */
export function makeId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll("-", "")}`;
}
