/** What is said of workflows that are archived or deleted. Boundary: refusals; who is refused is decided where it is found out. */
import { Refusal } from "../process/refusal.ts";
import type { WhyClosed } from "../store/closed-workflows.ts";

/** What a verb that a workflow's state refuses would have led to: a status, or in place of one that a run starts or the workflow is gone. */
export type VerbTarget = "DEPLOYED" | "TRIGGERED" | "DELETED";

/** Why nothing leads from an archived or deleted workflow to `to`. */
export function closedRefusal(
  definitionId: string,
  why: WhyClosed,
  to: VerbTarget = "TRIGGERED",
): Refusal {
  const resource = { type: "definition", name: definitionId };
  if (why === "deleted") {
    return new Refusal("not_found", `there is no definition ${definitionId}`, { resource });
  }
  const message = `workflow ${definitionId} is archived: nothing starts runs of it until Unarchive`;
  return new Refusal("archived", message, { resource, from: "ARCHIVED", to });
}

/** Why nothing leads from a workflow without a version in production to `to`. */
export function unpublishedRefusal(
  definitionId: string,
  message: string,
  to: VerbTarget = "TRIGGERED",
): Refusal {
  const resource = { type: "definition", name: definitionId };
  return new Refusal("nothing_published", message, { resource, from: "DRAFT", to });
}

/** Whether a start failed because its workflow is closed. What it was to be started by has nothing to start then. */
export function isClosed(error: unknown): boolean {
  return error instanceof Refusal && ["archived", "not_found"].includes(error.reason);
}
