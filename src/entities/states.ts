/**
 * The states of a workflow in the entity's words, and which verb is legal in which.
 * Boundary: a table. Where the service knows better, as of a workflow that changes meanwhile, its refusal holds.
 */
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import type { Workflow } from "../../gen/workflows/ops/v1/workflows_pb.ts";

/** How a workflow is, as answers say it. */
export type Status = "Draft" | "Activated" | "Paused" | "Archived";
/** As `find` takes it. `Active` is `Activated`; `Triggered` is an Activated one with open runs. */
export type StatusFilter = Status | "Active" | "Triggered";

/** What is done to a workflow. */
export type Verb = "create" | "update" | "activate" | "pause" | "trigger" | "archive" | "delete";

/** What a workflow has become by a verb: its event, and where the verb leads. */
export const BECOMES = {
  create: "Created",
  update: "Updated",
  activate: "Activated",
  pause: "Paused",
  trigger: "Triggered",
  archive: "Archived",
  delete: "Deleted",
} as const satisfies Readonly<Record<Verb, string>>;

/** States in which a verb is refused, each with the way out. */
const REFUSED: Readonly<Partial<Record<Verb, Readonly<Partial<Record<Status, string>>>>>> = {
  update: { Archived: "an archived workflow is kept as it was; create another one" },
  activate: { Archived: "Unarchive of the operations API lets it start runs again" },
  pause: { Draft: "it starts nothing before activate", Archived: "it starts nothing" },
  trigger: {
    Draft: "activate it first",
    Paused: "activate ends the pause",
    Archived: "Unarchive of the operations API lets it start runs again",
  },
};

/** Why a verb is refused in a state, as the state and a sentence; undefined: it is legal. */
export function refusalOf(
  verb: Verb,
  status: Status,
  openRuns: number,
): { readonly from: string; readonly way: string } | undefined {
  if (verb === "archive" && status === "Activated" && openRuns > 0) {
    return {
      from: "Triggered",
      way: `${openRuns} of its runs are open; pause it first, or let them end`,
    };
  }
  const way = REFUSED[verb]?.[status];
  return way === undefined ? undefined : { from: status, way };
}

const { DRAFT, DEPLOYED, PAUSED, PENDING_APPROVAL, FAILED, ARCHIVED } = WorkflowStatus;

/** The status of a workflow as the service shows it. One that is deployed in production is Activated, whatever is wrong with it. */
export function statusOf({ status, definition }: Workflow): Status {
  if (status === ARCHIVED) return "Archived";
  if (status === PAUSED) return "Paused";
  return (definition?.latestVersion ?? 0) > 0 ? "Activated" : "Draft";
}

/** The statuses of the service in which a workflow may be so. */
export const SEARCHED: Readonly<Record<StatusFilter, readonly WorkflowStatus[]>> = {
  // One that runs in another environment alone is DEPLOYED or FAILED.
  Draft: [DRAFT, PENDING_APPROVAL, DEPLOYED, FAILED],
  Active: [DEPLOYED, FAILED, PENDING_APPROVAL],
  Activated: [DEPLOYED, FAILED, PENDING_APPROVAL],
  Triggered: [DEPLOYED, FAILED, PENDING_APPROVAL],
  Paused: [PAUSED],
  Archived: [ARCHIVED],
};

/** Whether a workflow that is so is found by a filter. */
export function isWanted(filter: StatusFilter, status: Status, openRuns: number): boolean {
  if (filter === "Triggered") return status === "Activated" && openRuns > 0;
  return status === (filter === "Active" ? "Activated" : filter);
}

const WORDS: Readonly<Record<string, string>> = {
  DEPLOYED: "Activated",
  FAILED: "Activated",
  PENDING_APPROVAL: "Draft",
};

/** A state in the service's words, such as DEPLOYED, in the entity's. */
export function statusWord(word: string): string {
  return WORDS[word] ?? word.charAt(0) + word.slice(1).toLowerCase();
}
