/** What is said of workflows that are archived or deleted. Boundary: refusals; who is refused is decided where it is found out. */
import { Refusal } from "../process/refusal.ts";
import type { WhyClosed } from "../store/closed-workflows.ts";

/** Why no run of the workflow begins. */
export function closedRefusal(definitionId: string, why: WhyClosed): Refusal {
  const resource = { type: "definition", name: definitionId };
  if (why === "deleted") {
    return new Refusal("not_found", `there is no definition ${definitionId}`, { resource });
  }
  const message = `workflow ${definitionId} is archived: nothing starts runs of it until Unarchive`;
  return new Refusal("archived", message, { resource });
}

/** Whether a start failed because its workflow is closed. What it was to be started by has nothing to start then. */
export function isClosed(error: unknown): boolean {
  return error instanceof Refusal && ["archived", "not_found"].includes(error.reason);
}
