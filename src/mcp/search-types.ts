/**
 * What `search` finds, type by type: the keys of its filter, its orders, how a page is asked for, and what is shown of a thing.
 * Boundary: tables over the List and Search calls; paging and sorting are search.ts.
 */
import { type DescMessage, fromJson, type MessageShape } from "@bufbuild/protobuf";
import { InboxListRequestSchema, ItemKind } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { ReasonCode, RunOutcome, SearchRequestSchema } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { SchedulesListRequestSchema } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { TemplatesListRequestSchema } from "../../gen/workflows/ops/v1/templates_pb.ts";
import { WorkflowStatus } from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import {
  WorkflowOrder,
  WorkflowsListRequestSchema,
} from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepRunState, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json, JsonObject } from "../engine/values/json.ts";
import {
  type Found,
  itemFound,
  runFound,
  scheduleFound,
  stepFound,
  templateFound,
  workflowFound,
} from "./found.ts";
import { type FilterKeys, wordOf, wordsOf } from "./shapes.ts";
import { type McpWorld, ToolFault } from "./world.ts";

/** A page of things. */
interface FoundPage {
  readonly items: readonly Found[];
  readonly next: string;
  /** How many there are in all; undefined: not counted. */
  readonly total?: number;
}

/** What is asked for. */
interface PageQuestion {
  /** Fields of the request, by the filter. */
  readonly fields: JsonObject;
  /** Words of keys without a field. */
  readonly own: ReadonlyMap<string, Json>;
  readonly size: number;
  readonly token: string;
}

/** The fields of the request by direction, and what is compared where it has none: the fact of the key's name unless given. */
interface SearchSort {
  readonly asc?: JsonObject;
  readonly desc?: JsonObject;
  readonly fact?: string;
}

/** One type. */
export interface SearchType {
  readonly keys: FilterKeys;
  /** The field that plain words fill; undefined: they are compared with titles. */
  readonly wordsField?: string;
  /** Sort keys, with the fields of the request that order by them; undefined: the things are sorted here. */
  readonly sorts: Readonly<Record<string, SearchSort>>;
  /** What is left out of what the call finds, by the words of keys without a field; undefined: nothing is. */
  keeps?(own: ReadonlyMap<string, Json>): ((item: Found) => boolean) | undefined;
  page(world: McpWorld, question: PageQuestion): Promise<FoundPage>;
}

/** The types by name. */
export const TYPES = ["Workflow", "Run", "Step", "InboxItem", "Template", "Schedule"] as const;
/** One name. */
export type TypeName = (typeof TYPES)[number];

/** Stands for DEPLOYED with open runs. */
const TRIGGERED = 100;
const DEPLOYED = wordOf(WorkflowStatus, WorkflowStatus.DEPLOYED);
const WORKFLOW_WORDS = new Map([
  ...wordsOf(WorkflowStatus),
  ["ACTIVE", WorkflowStatus.DEPLOYED],
  ["ACTIVATED", WorkflowStatus.DEPLOYED],
  ["TRIGGERED", TRIGGERED],
] as const);
/** Sorted by what the call answers. */
const HERE = {};

const WORKFLOW: SearchType = {
  keys: {
    status: { field: "", kind: "words", words: WORKFLOW_WORDS, isList: true },
    name: { field: "nameContains", kind: "text" },
    text: { field: "text", kind: "text" },
    tag: { field: "tag", kind: "text" },
    owner: { field: "owner", kind: "text" },
    team: { field: "team", kind: "text" },
    contains: {
      ...{ field: "", kind: "words", isList: true },
      words: new Map([
        ["AGENT", 1],
        ["SKILL", 2],
        ["APPROVAL", 3],
      ]),
    },
  },
  wordsField: "text",
  sorts: {
    createdAt: { desc: { orderBy: WorkflowOrder.NEWEST } },
    name: { asc: { orderBy: WorkflowOrder.NAME }, fact: "title" },
    updatedAt: { desc: { orderBy: WorkflowOrder.UPDATED } },
    ...{ lastRunAt: HERE, runCount: HERE, successCount: HERE, failureCount: HERE },
    ...{ openRuns: HERE, successRate: HERE },
  },
  keeps(own) {
    const asked = numbersOf(own.get("status"));
    if (!asked.includes(TRIGGERED) || asked.includes(WorkflowStatus.DEPLOYED)) return undefined;
    return ({ status, openRuns }) => status !== DEPLOYED || Number(openRuns) > 0;
  },
  async page(world, { fields, own, size, token }) {
    const statuses = numbersOf(own.get("status")).map((number) =>
      number === TRIGGERED ? WorkflowStatus.DEPLOYED : number,
    );
    const flags = numbersOf(own.get("contains")).map((number) => FLAGS[number - 1] ?? "");
    const request = requestOf(WorkflowsListRequestSchema, {
      ...{ ...fields, workspaceId: world.workspaceId, pageSize: size, pageToken: token },
      statuses: [...new Set(statuses)],
      ...(flags.length === 0 ? {} : { contains: Object.fromEntries(flags.map((f) => [f, true])) }),
    });
    const page = await world.clients.sources.list(request);
    const items = page.workflows.map((workflow) => workflowFound(world, workflow));
    return { items, next: page.nextPageToken, total: page.totalSize };
  },
};
const FLAGS = ["agent", "skill", "approval"];

const RUN: SearchType = {
  keys: {
    status: { field: "states", kind: "words", words: wordsOf(WorkflowState), isList: true },
    state: { field: "states", kind: "words", words: wordsOf(WorkflowState), isList: true },
    outcome: { field: "outcomes", kind: "words", words: wordsOf(RunOutcome), isList: true },
    workflowId: { field: "definitionId", kind: "text" },
    version: { field: "definitionVersion", kind: "number" },
    entityId: { field: "entityId", kind: "text" },
    entityType: { field: "entityType", kind: "text" },
    initiatorAgentId: { field: "initiatorAgentId", kind: "text" },
    initiatorUserId: { field: "initiatorUserId", kind: "text" },
    parentRunId: { field: "parentRunId", kind: "text" },
    errorText: { field: "errorText", kind: "text" },
    startedFrom: { field: "startedFrom", kind: "time" },
    startedBefore: { field: "startedBefore", kind: "time" },
    endedFrom: { field: "endedFrom", kind: "time" },
    endedBefore: { field: "endedBefore", kind: "time" },
    costUsdFrom: { field: "costUsdFrom", kind: "number" },
    costUsdBelow: { field: "costUsdBelow", kind: "number" },
    waitingFor: { field: "waitingFor", kind: "words", words: wordsOf(ReasonCode), isList: true },
    retrying: { field: "retrying", kind: "flag" },
    openLongerThanSeconds: { field: "openLongerThanSeconds", kind: "number" },
    environment: { field: "environment", kind: "text" },
  },
  wordsField: "errorText",
  sorts: { startedAt: { desc: {} }, completedAt: HERE, costUsd: HERE },
  async page(world, { fields, size, token }) {
    const asked = { ...fields, workspaceId: world.workspaceId, pageSize: size, pageToken: token };
    const page = await world.clients.runs.search(requestOf(SearchRequestSchema, asked));
    return { items: page.runs.map((run) => runFound(world, run)), next: page.nextPageToken };
  },
};

const STEP: SearchType = {
  keys: {
    runId: { field: "", kind: "text" },
    status: { field: "", kind: "words", words: wordsOf(StepRunState), isList: true },
    state: { field: "", kind: "words", words: wordsOf(StepRunState), isList: true },
  },
  sorts: { startedAt: HERE, completedAt: HERE, costUsd: HERE },
  keeps(own) {
    const asked = [...numbersOf(own.get("status")), ...numbersOf(own.get("state"))];
    const words = asked.map((each) => wordOf(StepRunState, each));
    return words.length === 0 ? undefined : ({ state }) => words.some((word) => word === state);
  },
  async page(world, { own }) {
    const runId = own.get("runId");
    if (typeof runId !== "string") {
      throw new ToolFault(
        "filter.runId is required for Step: it names the run whose steps are meant",
      );
    }
    const { run } = await world.clients.workflows.getRun({ id: runId });
    const items = (run?.steps ?? []).map((step) => stepFound(world, runId, step));
    return { items, next: "", total: items.length };
  },
};

const INBOX_ITEM: SearchType = {
  keys: {
    mine: { field: "mine", kind: "flag" },
    kind: { field: "kinds", kind: "words", words: wordsOf(ItemKind), isList: true },
  },
  sorts: { createdAt: HERE, dueAt: HERE },
  async page(world, { fields, size, token }) {
    const asked = { ...fields, workspaceId: world.workspaceId, pageSize: size, pageToken: token };
    const page = await world.clients.inbox.list(requestOf(InboxListRequestSchema, asked));
    const items = page.items.map((item) => itemFound(world, item));
    return { items, next: page.nextPageToken, total: page.totalSize };
  },
};

const TEMPLATE: SearchType = {
  keys: { category: { field: "category", kind: "text" }, text: { field: "text", kind: "text" } },
  wordsField: "text",
  sorts: {},
  async page(world, { fields }) {
    const asked = { ...fields, workspaceId: world.workspaceId };
    const page = await world.clients.templates.list(requestOf(TemplatesListRequestSchema, asked));
    const items = page.templates.map((template) => templateFound(world, template));
    return { items, next: "", total: items.length };
  },
};

const SCHEDULE: SearchType = {
  keys: { workflowId: { field: "definitionId", kind: "text" } },
  sorts: { nextAt: HERE, createdAt: HERE },
  async page(world, { fields, size, token }) {
    const asked = { ...fields, workspaceId: world.workspaceId, pageSize: size, pageToken: token };
    const page = await world.clients.schedules.list(requestOf(SchedulesListRequestSchema, asked));
    return {
      items: page.schedules.map((schedule) => scheduleFound(world, schedule)),
      next: page.nextPageToken,
    };
  },
};

/** See the file's head. */
export const SEARCH_TYPES: Readonly<Record<TypeName, SearchType>> = {
  ...{ Workflow: WORKFLOW, Run: RUN, Step: STEP },
  ...{ InboxItem: INBOX_ITEM, Template: TEMPLATE, Schedule: SCHEDULE },
};

/** The request of these fields. Throws a ToolFault for a number that its field cannot hold. */
function requestOf<Desc extends DescMessage>(desc: Desc, fields: JsonObject): MessageShape<Desc> {
  try {
    return fromJson(desc, fields);
  } catch (error) {
    throw new ToolFault(`filter: ${error instanceof Error ? error.message : "malformed"}`);
  }
}

function numbersOf(value: Json | undefined): number[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "number") : [];
}
