/** `workflows list`: workflows with their status and owner. */
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import { type Workflow, WorkflowOrder } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { nearest } from "../file/faults.ts";
import { type Call, textOption } from "./call.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { WORKFLOW_HEAD, workflowJson, workflowRow } from "./show-workflow.ts";

const LISTED = 50;
const LISTED_AT_MOST = 10_000;
const PAGE = 500;
const CONTAINS = ["agent", "mcp", "skill", "approval"];

/** As many as are wanted, page by page. */
export async function run(call: Call): Promise<number> {
  const { out } = call;
  const limit = Math.min(readCount(call, "limit") ?? LISTED, LISTED_AT_MOST);
  const request = {
    statuses: statusesOf(call),
    contains: containsOf(call),
    orderBy: orderOf(call),
    ...{ owner: textOf(call, "owner"), team: textOf(call, "team") },
    ...{ tag: textOf(call, "tag"), text: textOf(call, "text") },
  };
  const service = connectService(await readSettings(call.options));
  const { workflows, total } = await list(service, request, limit);
  if (out.json) for (const each of workflows) out.object(workflowJson(each));
  else if (out.quiet) for (const each of workflows) out.line(each.definition?.id ?? "");
  else {
    out.table(WORKFLOW_HEAD, workflows.map(workflowRow));
    for (const each of workflows) for (const line of troubleOf(each)) out.talk(line);
    if (workflows.length === 0) out.talk("no workflow");
    else if (total > workflows.length)
      out.talk(`${workflows.length} of ${total}; --limit shows more`);
  }
  return EXIT.done;
}

/** Why a workflow cannot work, a line each. */
function troubleOf({ definition, status, statusReasons }: Workflow): string[] {
  if (status !== WorkflowStatus.FAILED) return [];
  return statusReasons.map((reason) => `${definition?.name ?? ""}: ${reason}`);
}

async function list({ sources, settings }: Service, filters: object, limit: number) {
  const workflows: Workflow[] = [];
  let [pageToken, total] = ["", 0];
  do {
    const pageSize = Math.min(PAGE, limit - workflows.length);
    const page = { workspaceId: settings.workspace, pageSize, pageToken };
    const answer = await sources.list({ ...filters, ...page });
    workflows.push(...answer.workflows);
    total = answer.totalSize;
    pageToken = answer.nextPageToken;
  } while (pageToken !== "" && workflows.length < limit);
  return { workflows, total };
}

function textOf(call: Call, name: string): string {
  return textOption(call, name) ?? "";
}

function namesOf(call: Call, name: string): string[] {
  return textOf(call, name)
    .split(",")
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== "");
}

function statusesOf(call: Call): WorkflowStatus[] {
  const known = Object.entries(WorkflowStatus).filter(([, status]) => status !== 0);
  const names = namesOf(call, "status");
  if (names.includes("all")) return known.map(([, status]) => status);
  return names.map((name) => {
    const found = known.find(([each]) => each.toLowerCase() === name);
    if (found !== undefined) return found[1];
    throw unknown("status", name, [...known.map(([each]) => each.toLowerCase()), "all"]);
  });
}

function containsOf(call: Call): Record<string, boolean> {
  const names = namesOf(call, "contains");
  for (const name of names) if (!CONTAINS.includes(name)) throw unknown("contains", name, CONTAINS);
  return Object.fromEntries(names.map((name) => [name, true]));
}

function orderOf(call: Call): WorkflowOrder {
  const name = textOf(call, "order") || "newest";
  const orders: Readonly<Record<string, WorkflowOrder>> = {
    newest: WorkflowOrder.NEWEST,
    name: WorkflowOrder.NAME,
    updated: WorkflowOrder.UPDATED,
  };
  const order = Object.hasOwn(orders, name) ? orders[name] : undefined;
  if (order === undefined) throw unknown("order", name, Object.keys(orders));
  return order;
}

function unknown(option: string, name: string, known: readonly string[]) {
  return usageFault(
    `--${option} "${name}" is not among ${known.join(", ")}${nearest(name, known)}`,
  );
}
