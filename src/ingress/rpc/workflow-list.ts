/** Workflows.List. Boundary: requests, page tokens and answers; rows are store/reads/workflow-lists.ts. */
import {
  WorkflowOrder as WireOrder,
  type WorkflowsListRequest,
  WorkflowsListRequestSchema,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { CONTAINS } from "../../engine/steps/contains.ts";
import { WORKFLOW_STATUSES } from "../../engine/values/workflow-status.ts";
import type { WorkflowFilters } from "../../store/reads/workflow-filters.ts";
import {
  countWorkflows,
  listWorkflows,
  type WorkflowOrder,
  type WorkflowPlace,
} from "../../store/reads/workflow-lists.ts";
import { toDefinitionMessage } from "../../wire/definitions.ts";
import { fitDefinitions } from "../../wire/fitted-definitions.ts";
import { checkFields, readPageSize } from "./fields.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import { filterHash, readToken, tokenOf } from "./list-tokens.ts";
import type { ReadDeps } from "./service-deps.ts";
import { factsOf } from "./workflow-facts.ts";
import { workflowBytes, workflowMessage } from "./workflow-message.ts";

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const NAME_CHARS = 256;
const LATEST_MS = Date.UTC(9_999, 11, 31);
const STATUSES_AT_MOST = 20;
const ORDERS: Readonly<Record<number, WorkflowOrder>> = {
  [WireOrder.NEWEST]: "newest",
  [WireOrder.NAME]: "name",
  [WireOrder.UPDATED]: "updated",
};

/** List: the last ones without description and tags, where they are too long. */
export async function answerListWorkflows(deps: ReadDeps, request: WorkflowsListRequest) {
  const faults = checkFields(WorkflowsListRequestSchema, request);
  faults.require("workspace_id", request.workspaceId);
  if (request.statuses.length > STATUSES_AT_MOST) faults.add("statuses", "has more than there are");
  const size = readPageSize(request.pageSize, faults);
  const filters = filtersOf(request);
  const order = ORDERS[request.orderBy] ?? "newest";
  const hash = filterHash({ filters, order });
  const after = readToken(request.pageToken, hash, faults, placeIn(order));
  faults.refuseIfAny();
  const [{ rows, next, known }, totalSize] = await Promise.all([
    readPage(deps, filters, { order, size, after }),
    countWorkflows(deps.database.lists, deps.visibility, filters),
  ]);
  const fitted = fitDefinitions(
    rows.map(({ definition }) => toDefinitionMessage(definition)),
    rows.reduce(
      (left, row) => left - workflowBytes(row) - known(row.definition).bytes,
      ANSWER_BYTES,
    ),
  );
  nameLeftOut(deps, fitted.leftOut);
  const workflows = rows.map((row, at) => ({
    ...workflowMessage(row, known(row.definition).status),
    ...known(row.definition).fields,
    definition: fitted.definitions[at] ?? toDefinitionMessage(row.definition),
  }));
  const nextPageToken = next === undefined ? "" : tokenOf(hash, [next.key, next.id]);
  return { workflows, nextPageToken, totalSize };
}

/** A page with what is known of its workflows: it does not wait until all are counted. */
async function readPage(
  deps: ReadDeps,
  filters: WorkflowFilters,
  page: Parameters<typeof listWorkflows>[3],
) {
  const { rows, next } = await listWorkflows(deps.database.lists, deps.visibility, filters, page);
  const definitions = rows.map(({ definition }) => definition);
  return { rows, next, known: await factsOf(deps, definitions, false) };
}

function filtersOf(request: WorkflowsListRequest): WorkflowFilters {
  const { workspaceId, nameContains, text, tag, owner, team, statuses, contains } = request;
  const { agent, mcp, skill, approval } = CONTAINS;
  const flags =
    (contains?.agent ? agent : 0) |
    (contains?.mcp ? mcp : 0) |
    (contains?.skill ? skill : 0) |
    (contains?.approval ? approval : 0);
  return {
    ...{ workspaceId, nameContains, text, tag, owner, team },
    statuses: statuses.flatMap((number) => WORKFLOW_STATUSES[number - 1] ?? []),
    contains: flags,
  };
}

function placeIn(order: WorkflowOrder) {
  return ([key, id]: readonly unknown[]): WorkflowPlace | undefined => {
    if (typeof id !== "string" || !ID.test(id)) return undefined;
    if (order === "name") {
      const isName = typeof key === "string" && key.length <= NAME_CHARS && !key.includes("\u0000");
      return isName ? { key, id } : undefined;
    }
    const isTime = typeof key === "number" && key >= 0 && key <= LATEST_MS;
    return isTime ? { key, id } : undefined;
  };
}
