/** `find`: the workflows that fit a filter, page by page. Boundary: reads. */
import type { Workflow } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowsError } from "../client/errors.ts";
import type { IteratorOptions } from "../client/lists.ts";
import { nearest } from "../file/faults.ts";
import { READ_FIELDS, summaryOf, type WorkflowEntity, type WorkflowSummary } from "./entity.ts";
import { requireFields, requireTexts } from "./fields.ts";
import { inOwnWords, refusedFields } from "./refusals.ts";
import { isWanted, SEARCHED, type StatusFilter } from "./states.ts";
import { type Store, withContent } from "./store.ts";

/** What is looked for: all that is given must fit. */
export interface WorkflowFilter {
  /** One of these; without it each one but the archived ones. */
  readonly status?: StatusFilter | readonly StatusFilter[];
  readonly name?: string;
  /** A part of the name or the description. */
  readonly text?: string;
  readonly tag?: string;
  readonly owner?: string;
  readonly team?: string;
  /** The workspace; there are those of one alone. */
  readonly organization?: string;
}

/** Of `find`. */
export interface FindOptions extends IteratorOptions {
  /** How many at most. */
  readonly limit?: number;
  /** With steps, trigger event and the rest of the content: a call for each workflow more. */
  readonly withContent?: boolean;
}

/** All at once by `await`, or one after the other by `for await`, which asks for the next page when one is taken. */
export interface Found<T> extends PromiseLike<T[]>, AsyncIterable<T> {}

const TEXTS = ["name", "text", "tag", "owner", "team", "organization"];
const STATUSES = Object.keys(SEARCHED) as StatusFilter[];
const PAGE = 100;
/** Calls for the contents of a page that are under way at once. */
const AT_ONCE = 8;

/** See the file's head; a filter with unknown fields or statuses is refused here, not when the result is taken. */
export function find(
  store: Store,
  filter: WorkflowFilter,
  options: FindOptions,
): Found<WorkflowSummary | WorkflowEntity> {
  const statuses = requireFilter(store, filter);
  const iterate = () => inPages(store, { ...filter, statuses }, options);
  return {
    [Symbol.asyncIterator]: iterate,
    // biome-ignore lint/suspicious/noThenProperty: it is awaited as a list, and iterated page by page
    then: (fulfilled, rejected) => collect(iterate()).then(fulfilled, rejected),
  };
}

function requireFilter({ workspaceId }: Store, filter: WorkflowFilter): StatusFilter[] {
  const call = "Workflow.find";
  const readOnly = [...READ_FIELDS, "description", "triggerEvent", "steps", "retryPolicy"];
  requireFields(call, filter, ["status", ...TEXTS], [...readOnly, "errorHandling", "timeout"]);
  requireTexts(call, filter, TEXTS);
  const { status = [], organization = workspaceId } = filter;
  const statuses = [status].flat() as StatusFilter[];
  const unknown = statuses.find((each) => !STATUSES.includes(each));
  if (unknown !== undefined) {
    const hint = nearest(String(unknown), STATUSES);
    const description = `is ${JSON.stringify(unknown)}${hint}; it is ${STATUSES.join(", ")}`;
    throw refusedFields(call, [{ field: "status", description }]);
  }
  if (organization !== workspaceId) throw otherWorkspace(call, workspaceId);
  return statuses;
}

/** INVALID_ARGUMENT: an organization that is not the workspace. */
export function otherWorkspace(call: string, workspaceId: string): Error {
  const description = `must be ${workspaceId}: these entities are of that workspace`;
  return refusedFields(call, [{ field: "organization", description }]);
}

type Filter = WorkflowFilter & { readonly statuses: readonly StatusFilter[] };

async function* inPages(
  store: Store,
  filter: Filter,
  { signal, limit = Number.POSITIVE_INFINITY, withContent: isWhole = false }: FindOptions,
): AsyncGenerator<WorkflowSummary | WorkflowEntity> {
  const { statuses, name, text, tag, owner, team } = filter;
  const request = {
    ...{ workspaceId: store.workspaceId, nameContains: name, text, tag, owner, team },
    statuses: [...new Set(statuses.flatMap((each) => SEARCHED[each]))],
    pageSize: Math.max(1, Math.min(PAGE, limit)),
  };
  let pageToken = "";
  let left = limit;
  while (left > 0) {
    const page = await inOwnWords(() =>
      store.client.sources.list({ ...request, pageToken }, { signal }),
    );
    const fitting = page.workflows.filter((workflow) => fits(workflow, filter)).slice(0, left);
    left -= fitting.length;
    for (let at = 0; at < fitting.length; at += AT_ONCE) {
      const some = fitting.slice(at, at + AT_ONCE);
      yield* isWhole
        ? (await Promise.all(some.map((each) => wholeOf(store, each, signal)))).flat()
        : some.map(summaryOf);
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") return;
  }
}

/** Without the one that was deleted since it was listed. */
async function wholeOf(
  store: Store,
  workflow: Workflow,
  signal: AbortSignal | undefined,
): Promise<WorkflowEntity[]> {
  try {
    return [(await withContent(store, workflow, signal && { signal })).entity];
  } catch (error) {
    if (WorkflowsError.from(error).code === "NOT_FOUND") return [];
    throw error;
  }
}

function fits(workflow: Workflow, { statuses, name }: Filter): boolean {
  const { status, openRuns, name: own } = summaryOf(workflow);
  if (name !== undefined && own !== name) return false;
  return statuses.length === 0 || statuses.some((each) => isWanted(each, status, openRuns));
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
