/**
 * What a step asks of people: one item for each open request of a gate, for an open task, or for a step that is held.
 * Boundary: pure; the items are stored with the step's row (store/schema/inbox.ts), and the Inbox shows them.
 */
import type { GraphStep } from "../graph/graph.ts";
import type { StepRun } from "../values/run.ts";
import { isOpenTicket } from "./approvals/tickets.ts";
import { STEP_FACTS } from "./registry.ts";

/** The kinds of items. */
export type PersonItemKind = "approval" | "task" | "held";

/** One open item. */
export interface PersonItem {
  readonly kind: PersonItemKind;
  /** Of a gate the number of the request, of a task the attempt, from 1; of a held step HELD_PLACE. */
  readonly place: number;
  /** Who is asked; "" when no person is named. */
  readonly assignee: string;
}

/** The place of a held step's item: a step is held once at a time. */
export const HELD_PLACE = 0;

/**
 * Whether a step may have other items than before. `before`: the step's row as it was; unset: it had none.
 * Most steps that can be held never are, and have no items then.
 */
export function mayChangeItems(
  step: Pick<GraphStep, "type">,
  row: StepRun,
  before: StepRun | undefined,
): boolean {
  const isHeld = row.detail.held !== undefined;
  return personKindOf(step) !== undefined || isHeld !== (before?.detail.held !== undefined);
}

/** Which items a step of this type asks of people while it is not held; undefined: none. */
export function personKindOf({
  type,
}: Pick<GraphStep, "type">): Exclude<PersonItemKind, "held"> | undefined {
  const { isDecision, isTask } = STEP_FACTS[type];
  if (isDecision) return "approval";
  return isTask ? "task" : undefined;
}

/** The open items of a step, by its row. */
export function openItemsOf(
  step: Pick<GraphStep, "type">,
  row: Pick<StepRun, "state" | "detail" | "retryCount" | "approvalRequestId">,
): PersonItem[] {
  if (row.state !== "WAITING") return [];
  if (row.detail.held !== undefined) return [{ kind: "held", place: HELD_PLACE, assignee: "" }];
  const kind = personKindOf(step);
  if (kind === undefined) return [];
  if (kind === "task") {
    return [{ kind, place: row.retryCount + 1, assignee: row.detail.asked?.assignee ?? "" }];
  }
  const { approvals = [] } = row.detail;
  return approvals.flatMap((ticket, at) => {
    // A caller may have recorded the first request's id before the reply of its call arrived.
    const isRecorded = ticket.requestId !== "" || (at === 0 && row.approvalRequestId !== "");
    const isOpen = isRecorded && isOpenTicket(ticket);
    return isOpen ? [{ kind, place: at + 1, assignee: ticket.approver }] : [];
  });
}
