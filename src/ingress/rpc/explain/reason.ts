/** A reason before it is a message, and the words and values that reasons share. Pure. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Party_Kind,
  type PartySchema,
  type ReasonCode,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { GraphStep } from "../../../engine/graph/graph.ts";
import type { StepRun } from "../../../engine/values/run.ts";

/** Who or what ends a wait. */
export type Ender = MessageInitShape<typeof PartySchema>;

/** A WaitReason without what all reasons of a step have; times are epoch ms. */
export interface Reason {
  readonly code: ReasonCode;
  readonly sentence: string;
  /** Unset: when the step began. */
  readonly sinceMs?: number;
  readonly nextTryAtMs?: number;
  /** Earlier or later than the step's own end: the earliest counts. */
  readonly givesUpAtMs?: number;
  readonly endsBy?: readonly Ender[];
  readonly lastError?: string;
  readonly approvalRequestId?: string;
  readonly childRunId?: string;
  readonly eventTypePattern?: string;
  readonly eventSubject?: string;
  readonly setting?: string;
  readonly queue?: string;
  /** Place of the step's item in the Inbox, as of steps/person-items.ts. */
  readonly itemPlace?: number;
}

/** A step that is open, with its row. */
export interface OpenStep {
  readonly step: GraphStep;
  readonly row: StepRun;
}

const ERROR_CHARS = 1_000;

/** A time in a sentence: RFC 3339 in UTC, to the second. */
export function at(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** A time that passed, in whole seconds: `12 s`. */
export function seconds(ms: number): string {
  return `${Math.max(0, Math.floor(ms / 1000))} s`;
}

/** Who is named as approver or assignee; "" is any person. */
export function partyOf(name: string): Ender {
  const kind = name.startsWith("group:") ? Party_Kind.GROUP : Party_Kind.PERSON;
  return { kind, id: name };
}

/** An error text of at most 1,000 characters. */
export function cut(text: string): string {
  return text.length <= ERROR_CHARS ? text : `${text.slice(0, ERROR_CHARS - 1)}…`.toWellFormed();
}
