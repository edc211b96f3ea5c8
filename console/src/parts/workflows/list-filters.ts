/**
 * The filters of the page Workflows: what stands in its address, as a request of List and as a command line.
 * Boundary: no state. The names are those of the options of `workflows list`.
 */
import { WorkflowStatus } from "../../../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { WorkflowOrder } from "../../../../gen/workflows/ops/v1/workflows_pb.ts";

/** All filters as texts; "" is none. `status` and `contains` have commas between their words. */
const NAMES = ["q", "status", "tag", "owner", "team", "contains", "order"] as const;

export type ListFilter = (typeof NAMES)[number];
export type ListFilters = Readonly<Partial<Record<ListFilter, string>>>;

/** Statuses by the words of an address. */
export const STATUS_WORDS = {
  draft: WorkflowStatus.DRAFT,
  deployed: WorkflowStatus.DEPLOYED,
  paused: WorkflowStatus.PAUSED,
  pending_approval: WorkflowStatus.PENDING_APPROVAL,
  failed: WorkflowStatus.FAILED,
  archived: WorkflowStatus.ARCHIVED,
} as const;

/** Orders by the words of an address. */
const ORDER_WORDS = {
  newest: WorkflowOrder.NEWEST,
  name: WorkflowOrder.NAME,
  updated: WorkflowOrder.UPDATED,
} as const;

/** The filters of an address; what it does not have, or has empty, is left out. */
export function readListFilters(params: URLSearchParams): ListFilters {
  const given = NAMES.map((name) => [name, params.get(name) ?? ""] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== ""));
}

/** The filters of a request. A word that is none is left out. */
export function listRequestOf(filters: ListFilters) {
  const statuses = wordsOf(filters.status).flatMap((word) => named(STATUS_WORDS, word));
  const [orderBy = WorkflowOrder.UNSPECIFIED] = named(ORDER_WORDS, filters.order ?? "");
  const parts = wordsOf(filters.contains);
  return {
    ...{ text: filters.q ?? "", statuses, orderBy },
    ...{ tag: filters.tag ?? "", owner: filters.owner ?? "", team: filters.team ?? "" },
    ...(parts.length === 0
      ? {}
      : {
          contains: {
            agent: parts.includes("agent"),
            mcp: parts.includes("mcp"),
            skill: parts.includes("skill"),
            approval: parts.includes("approval"),
          },
        }),
  };
}

/** The command that lists the same. */
export function listCommandOf(filters: ListFilters): string[] {
  const args = NAMES.flatMap((name) => {
    const value = filters[name];
    return value === undefined ? [] : [`--${name === "q" ? "text" : name}`, value];
  });
  return ["list", ...args];
}

/** Whether less than all is shown; the order hides nothing. */
export function isFiltered(filters: ListFilters): boolean {
  return NAMES.some((name) => name !== "order" && filters[name] !== undefined);
}

function wordsOf(list: string | undefined): string[] {
  return (list ?? "").split(",").filter((word) => word !== "");
}

function named<V>(values: Readonly<Record<string, V>>, word: string): V[] {
  const value = Object.hasOwn(values, word) ? values[word] : undefined;
  return value === undefined ? [] : [value];
}
