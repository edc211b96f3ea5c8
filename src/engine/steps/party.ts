/** Whom a step waits for: the party that ends its attempts. Pure. */
import type { StepKind } from "./types.ts";

/** A kind of party; `clock`: a time; `none`: the step decides by itself, or waits for other steps of its run. */
export type Party =
  | "agent"
  | "worker"
  | "child"
  | "approver"
  | "governance"
  | "event"
  | "person"
  | "notifier"
  | "clock"
  | "none";

/** Every other kind decides by itself, or waits for other steps of its run. */
const PARTIES: Readonly<Partial<Record<StepKind, Party>>> = {
  AGENT_ACTION: "agent",
  APPROVAL_GATE: "approver",
  GOVERNANCE_CHECK: "governance",
  WAIT_FOR_EVENT: "event",
  NOTIFICATION: "notifier",
  HUMAN_TASK: "person",
  CHILD_RUNS: "child",
  WORKER_TASK: "worker",
};

/** The party of a kind of step; `isTimer`: it waits for a time and not for an event. */
export function partyOf(kind: StepKind, isTimer: boolean): Party {
  return isTimer ? "clock" : (PARTIES[kind] ?? "none");
}
