/**
 * What the service asks of the database on its hot paths, in lists and in sweeps: a line a statement.
 * Boundary: each case calls the service's own function; what it may cost is judged by plans.test.ts.
 * To add a statement: a line here that calls the function that sends it.
 */

import {
  claimDecisions,
  dropOldApprovals,
  expireApprovals,
  findApproval,
  listDecisions,
  listOpenApprovals,
} from "../../src/store/approval-requests.ts";
import {
  answerKeys,
  claimKeys,
  dropOldKeys,
  findKey,
  giveBackKey,
  markKeys,
  takeOverKey,
} from "../../src/store/caller-keys.ts";
import { claimCalls, dropCalls, releaseCalls, renewCalls } from "../../src/store/calls.ts";
import { listListenedKeys } from "../../src/store/catalogue.ts";
import { claimChecks, FIRST_RUN, findUnreported } from "../../src/store/checks.ts";
import { findClosed } from "../../src/store/closed-workflows.ts";
import type { Database, Tx } from "../../src/store/database.ts";
import {
  dropOldDeadLetters,
  endDeadLetters,
  insertDeadLetters,
} from "../../src/store/dead-letters.ts";
import { findDefinitionByName } from "../../src/store/definitions.ts";
import {
  findReported,
  findTriggers,
  findWaitPatterns,
  findWaits,
} from "../../src/store/event-readers.ts";
import {
  dropOldEvents,
  findEarlyReports,
  findKeptEvents,
  keepEvents,
} from "../../src/store/events.ts";
import { markPublished } from "../../src/store/mark-published.ts";
import {
  listMoves,
  listNextRunStates,
  listRunsById,
  listUnpublished,
} from "../../src/store/outbox.ts";
import { dropMarks } from "../../src/store/published-marks.ts";
import {
  countDeadLetters,
  countOpenLetters,
  findDeadLetter,
  findLetterHeads,
  type LetterFilters,
  listDeadLetters,
} from "../../src/store/reads/dead-letters.ts";
import { findDefinitionHead } from "../../src/store/reads/definition-heads.ts";
import { findDefinition, findVersion, listDefinitions } from "../../src/store/reads/definitions.ts";
import { findDraft } from "../../src/store/reads/drafts.ts";
import { findErrorText } from "../../src/store/reads/error-texts.ts";
import { countInbox, findAskingStep, listInbox } from "../../src/store/reads/inbox.ts";
import { findManyRunRows, findRunOutline, findRunWith } from "../../src/store/reads/many-runs.ts";
import { findOverdueRuns } from "../../src/store/reads/overdue-runs.ts";
import { findRerunId } from "../../src/store/reads/reruns.ts";
import { findRunHead } from "../../src/store/reads/run-heads.ts";
import { findHistory, findHistoryOfStep } from "../../src/store/reads/run-history.ts";
import { findStarters } from "../../src/store/reads/run-starters.ts";
import { findAncestors, findChildrenOfRuns } from "../../src/store/reads/run-trees.ts";
import {
  findCallsOfRun,
  findItemAssignees,
  findNamingLetters,
  findOpenChildren,
  findRunNotes,
} from "../../src/store/reads/run-waits.ts";
import { findRunRows, findRuns, listRuns, type RunFilters } from "../../src/store/reads/runs.ts";
import { countFoundRuns } from "../../src/store/reads/search-facets.ts";
import { type RunSearch, searchRuns } from "../../src/store/reads/search-runs.ts";
import { findStartedRuns } from "../../src/store/reads/started-runs.ts";
import { findTemplate, listTemplates } from "../../src/store/reads/templates.ts";
import { wasWorkflowTried } from "../../src/store/reads/tried-workflows.ts";
import { listVersions } from "../../src/store/reads/version-lists.ts";
import {
  findNewestNumber,
  findVersionHead,
  findVersionSource,
  listVersionHeads,
} from "../../src/store/reads/version-sources.ts";
import {
  EVERY_WORKSPACE,
  onlyWorkspace,
  type Visibility,
} from "../../src/store/reads/visibility.ts";
import {
  everyWorkflow,
  takesEvery,
  type WorkflowFilters,
} from "../../src/store/reads/workflow-filters.ts";
import {
  countWorkflows,
  findIdOfName,
  findWorkflow,
  listWorkflows,
  type WorkflowOrder,
} from "../../src/store/reads/workflow-lists.ts";
import { dropEndedRuns, FIRST_ENDED, passOverEnded } from "../../src/store/retention.ts";
import { giveNotice, isDue } from "../../src/store/retention-notices.ts";
import { dropLeftStarts, findStarts, lockStarts } from "../../src/store/run-starts.ts";
import { moveSchedules } from "../../src/store/schedules.ts";
import { findMissingChildren } from "../../src/store/service-reads/child-targets.ts";
import { hasCompletedRun } from "../../src/store/service-reads/deployed-before.ts";
import { listDeployedWorkflows } from "../../src/store/service-reads/deployed-workflows.ts";
import { findDue } from "../../src/store/service-reads/due.ts";
import { findDueSchedules } from "../../src/store/service-reads/due-schedules.ts";
import { listMissedReports } from "../../src/store/service-reads/early-reports.ts";
import { findNextDue } from "../../src/store/service-reads/next-due.ts";
import { FIRST_WAIT, listOpenWaits } from "../../src/store/service-reads/open-waits.ts";
import { findUnfinished } from "../../src/store/service-reads/unfinished-runs.ts";
import { findMovedRuns, findMovesAfter } from "../../src/store/service-reads/watched-runs.ts";
import { findOpenTasks, findTaskPlaces, placeTasks } from "../../src/store/task-places.ts";
import { countTemplates } from "../../src/store/templates.ts";
import { hasOpenRuns, hasRuns } from "../../src/store/workflow-details.ts";
import { ANY_RUN } from "../support/builders/run-search.ts";
import { moveRun } from "./move-run.ts";
import { peopleCases } from "./people-cases.ts";
import { BIG } from "./rows.ts";
import { starterCases } from "./starter-cases.ts";
import { workflowCases } from "./workflow-cases.ts";

/** What is asked, and what a statement of it may read by its own limit, whatever is stored. */
export interface Case {
  readonly name: string;
  readonly ask: (database: Database) => Promise<unknown>;
  /** Rows by the beginning of the statement: a page far down, a count to its limit. */
  readonly limits?: Readonly<Record<string, number>>;
}

const COUNTS = { "select count(*)": 10_000 };
/** Of 5,000 runs the entries of indexes and the rows, each on a page of its own; and their steps. */
const COUNTED_RUNS = 5_000;
const EXAMINED = 5_000 * 2;
const EXAMINED_STEPS = 5_000 * 6;
const COUNTED = { count_inbox: 10_000, count_open_approvals: 10_000 };
const FAR = { ...COUNTS, select: 10_500 };
const RUN = `wfr_${"1000".padStart(22, "0")}`;
const PARTITIONS = Array.from({ length: 64 }, (_, partition) => partition);
/** Batches and their partitions: see rows.ts. */
const ACKED = { stream: "WORKFLOWS", seq: 1_000 };
const DONE = [1_000, 1_001].map((id) => ({ id, partition: id % 64 }));
const KEY = { workspaceId: BIG, method: "StartRun", key: "key-1000", holder: "me" };
const HASH = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]);
const START = { workspaceId: BIG, definitionId: "wf_0", eventId: "e1000" };
/** What a caller of one workspace sees. */
const SEEN = onlyWorkspace(BIG);
const VERSIONS = { limit: 100, bytesAtMost: 3_500_000 };
const CALL = `${RUN}/step/1/create`;
const TASK = { runId: RUN, stepIndex: 0, attempt: 1 };
const STEP_PAYLOADS = { inputs: [0], outputs: [0] };
const FREE = { kind: "create_objective", after: "", places: 50, bytes: 1e9 } as const;
const WAIT = { place: 0, workspaceId: BIG, key: "type:t2", equals: "", eventId: "e7", source: "s" };
const KEPT = {
  place: 0,
  workspaceId: BIG,
  type: "",
  subject: "",
  equals: "",
  afterMs: 0,
  afterSeq: 0,
};
const LISTED_KEYS = 200;
const LETTERS = [{ stream: "S", streamSeq: 1_000 }];
const OVERDUE = { overSeconds: 30, limit: 100 };
const AGES = { keptSeconds: 7 * 86_400, earlySeconds: 2 * 86_400 };

function runs(filters: Partial<RunFilters>): Pick<Case, "ask" | "limits"> {
  const all = { workspaceId: BIG, definitionId: "", entityId: "", initiatorAgentId: "" };
  const page = { limit: 50, offset: 0 };
  return {
    ask: ({ read }) => listRuns(read, EVERY_WORKSPACE, { ...all, ...page, ...filters }),
    limits: filters.offset === undefined ? COUNTS : FAR,
  };
}

function search(filters: Partial<RunSearch>, limit: number): Pick<Case, "ask" | "limits"> {
  return {
    ask: ({ read }) =>
      searchRuns(read, EVERY_WORKSPACE, { ...ANY_RUN, workspaceId: BIG, ...filters }, 50),
    limits: { "with candidates": limit },
  };
}

function searchCounts(filters: Partial<RunSearch>, limit: number): Pick<Case, "ask" | "limits"> {
  return {
    ask: ({ read }) =>
      countFoundRuns(read, EVERY_WORKSPACE, { ...ANY_RUN, workspaceId: BIG, ...filters }),
    limits: { "with candidates": limit },
  };
}

function definitions(tag: string): Pick<Case, "ask" | "limits"> {
  return {
    ask: ({ read }) =>
      listDefinitions(read, EVERY_WORKSPACE, { workspaceId: BIG, tag, limit: 50, offset: 0 }),
    // Each row of the page may be on a table page of its own.
    limits: { ...COUNTS, select: 100 },
  };
}

function workflows(
  more: Partial<WorkflowFilters> = {},
  order: WorkflowOrder = "newest",
): Pick<Case, "ask" | "limits"> {
  const filters = { ...everyWorkflow(BIG), ...more };
  return {
    ask: async ({ lists }) => {
      await listWorkflows(lists, EVERY_WORKSPACE, filters, { order, size: 50, after: undefined });
      await countWorkflows(lists, EVERY_WORKSPACE, filters);
    },
    limits: {
      // A row of the page, or one that is examined, may be on a page of its own, and so may its details, the facts of its version and what
      // keeps it from working.
      list_workflows: (takesEvery(filters) ? 150 : 5_000) * 7,
      count_workflows: 10_000 * 7,
      // A definition with its version, its source, facts, details and draft, each with its entry of an index.
      find_listed_workflows: 50 * 24,
    },
  };
}

function inbox(assignee: string | undefined): Pick<Case, "ask" | "limits"> {
  const filters = { workspaceId: BIG, assignee, kinds: ["approval", "task"] } as const;
  return {
    ask: ({ read }) => listInbox(read, EVERY_WORKSPACE, filters, 50),
    // Fifty of each of two kinds, and of fifty the step and the run, each with its entry of an index.
    limits: { list_inbox: 50 * 2 + 50 * 8 },
  };
}

function inboxCount(assignee: string | undefined): Pick<Case, "ask" | "limits"> {
  const filters = { workspaceId: BIG, assignee, kinds: ["approval", "task"] } as const;
  return { ask: ({ read }) => countInbox(read, EVERY_WORKSPACE, filters), limits: COUNTED };
}

function letters(filters: LetterFilters): Case[] {
  const of = `${filters.workspaceId ?? "no workspace"}, ${filters.settled ? "settled" : "open"}`;
  return [
    {
      name: `dead letters of ${of}: list`,
      ask: ({ lists }) => listDeadLetters(lists, EVERY_WORKSPACE, filters, 50),
      // Each on a page of its own.
      limits: { list_letters: 50 * 3 },
    },
    {
      name: `dead letters of ${of}: count`,
      ask: ({ lists }) => countDeadLetters(lists, EVERY_WORKSPACE, filters),
      limits: { count_letters: 10_000 },
    },
  ];
}

/** What Explain, GetHistory, GetAttempts and GetTree ask besides the rows of the run. */
function readsOfOneRun(seen: Visibility): Case[] {
  const of = seen === SEEN ? "seen: " : "";
  const since = new Date(0);
  return [
    { name: `${of}calls of a run`, ask: ({ callers }) => findCallsOfRun(callers, seen, RUN) },
    { name: `${of}open children`, ask: ({ callers }) => findOpenChildren(callers, seen, RUN) },
    { name: `${of}whom items ask`, ask: ({ callers }) => findItemAssignees(callers, seen, RUN) },
    { name: `${of}notes of a run`, ask: ({ callers }) => findRunNotes(callers, seen, RUN, ["a"]) },
    {
      name: `${of}messages put aside that name a run`,
      ask: ({ callers }) => findNamingLetters(callers, seen, RUN, since, [RUN]),
      // The newest hundred, each on a page of its own.
      limits: { find_naming_letters: 300 },
    },
    ...[false, true].map((isDescending) => ({
      name: `${of}history of a run, ${isDescending ? "newest" : "oldest"} first`,
      ask: ({ callers }: Database) =>
        findHistory(callers, seen, RUN, { seq: 1, isDescending, limit: 500 }),
    })),
    {
      name: `${of}history of a step`,
      ask: ({ callers }) => findHistoryOfStep(callers, seen, RUN, 0),
    },
    { name: `${of}rerun of a run`, ask: ({ callers }) => findRerunId(callers, seen, RUN) },
    { name: `${of}who started a run`, ask: ({ callers }) => findStarters(callers, seen, RUN) },
    { name: `${of}runs above`, ask: ({ callers }) => findAncestors(callers, seen, RUN, 16) },
    {
      name: `${of}runs below`,
      ask: ({ callers }) => findChildrenOfRuns(callers, seen, [RUN], 1_001),
    },
  ];
}

const writing =
  (work: (tx: Tx) => Promise<unknown>) =>
  ({ transaction }: Database) =>
    transaction(work);

/** Every case. */
export const cases: readonly Case[] = [
  { name: "ListRuns", ...runs({}) },
  { name: "ListRuns far down", ...runs({ offset: 10_000 }) },
  { name: "ListRuns by state", ...runs({ state: "FAILED" }) },
  { name: "ListRuns by a state that no run has", ...runs({ state: "PAUSED" }) },
  { name: "ListRuns by definition", ...runs({ definitionId: "wf_2" }) },
  { name: "ListRuns by definition and state", ...runs({ definitionId: "wf_0", state: "FAILED" }) },
  { name: "ListRuns by agent", ...runs({ initiatorAgentId: "agt2" }) },
  { name: "ListRuns by agent and state", ...runs({ initiatorAgentId: "agt0", state: "FAILED" }) },
  { name: "ListRuns by entity", ...runs({ entityId: "ent12" }) },
  { name: "ListRuns by entity and state", ...runs({ entityId: "ent12", state: "RUNNING" }) },
  {
    name: "ListRuns by everything",
    ...runs({ definitionId: "wf_0", entityId: "ent0", initiatorAgentId: "agt0", state: "FAILED" }),
  },
  { name: "Search", ...search({}, 0) },
  { name: "Search by workflow and time", ...search({ definitionId: "wf_2", startedFromMs: 0 }, 0) },
  { name: "Search by parent", ...search({ parentRunId: RUN }, 0) },
  { name: "Search by cost, of no run", ...search({ costUsdFrom: 1 }, EXAMINED) },
  {
    name: "Search by cost and workflow",
    ...search({ definitionId: "wf_2", costUsdFrom: 1 }, EXAMINED),
  },
  {
    name: "Search by an agent and a workflow that have many runs each, and none together",
    ...search({ initiatorAgentId: "agt_many", definitionId: "wf_2" }, EXAMINED),
  },
  {
    name: "Search by an agent and a workflow, counted",
    ...searchCounts({ initiatorAgentId: "agt_many", definitionId: "wf_2" }, 2 * COUNTED_RUNS),
  },
  { name: "Search by states", ...search({ states: ["FAILED", "PAUSED"] }, 0) },
  {
    name: "Search by version",
    ...search({ definitionId: "wf_2", definitionVersion: 1 }, EXAMINED),
  },
  {
    name: "Search by version, of no run",
    ...search({ definitionId: "wf_2", definitionVersion: 2 }, EXAMINED),
  },
  { name: "Search by user, of no run", ...search({ initiatorUserId: "user_1" }, EXAMINED) },
  { name: "Search by entity", ...search({ entityId: "ent12" }, 0) },
  { name: "Search by end, of no run", ...search({ endedBeforeMs: 1 }, EXAMINED) },
  { name: "Search by a wait of many", ...search({ waitingFor: ["TASK"] }, EXAMINED_STEPS) },
  { name: "Search by type of entity", ...search({ entityType: "ENTITY_TYPE_DEAL" }, EXAMINED) },
  { name: "Search by error text", ...search({ errorText: "no ink" }, EXAMINED_STEPS) },
  { name: "Search by a wait of no run", ...search({ waitingFor: ["HELD"] }, EXAMINED_STEPS) },
  {
    name: "Search by open runs",
    ...search({ openLongerThanMs: 60_000, isRetrying: true }, EXAMINED_STEPS),
  },
  {
    name: "Search by an outcome of no run",
    // Of each run the newest rows of its history.
    ...search({ outcomes: ["TIMED_OUT"] }, EXAMINED + 1_500 * 6),
  },
  { name: "Search by an outcome that is a state", ...search({ outcomes: ["SUCCEEDED"] }, 0) },
  // Of each run its steps too: what they wait for.
  { name: "Search, counted", ...searchCounts({}, 6 * COUNTED_RUNS) },
  {
    name: "Search by workflow, counted",
    ...searchCounts({ definitionId: "wf_2" }, 6 * COUNTED_RUNS),
  },
  {
    name: "Search by error text, counted",
    ...searchCounts({ errorText: "no ink" }, 6 * COUNTED_RUNS),
  },
  { name: "ListDefinitions", ...definitions("") },
  { name: "ListDefinitions by a tag of few", ...definitions("tag2") },
  { name: "ListDefinitions by a tag of all", ...definitions("all") },
  {
    name: "workflow by name",
    ask: ({ read }) => findIdOfName(read, SEEN, { workspaceId: BIG, name: "n2" }),
  },
  { name: "workflow by id", ask: ({ read }) => findWorkflow(read, SEEN, "wf_2") },
  { name: "Workflows.List", ...workflows() },
  { name: "Workflows.List by name", ...workflows({}, "name") },
  { name: "Workflows.List by the time of the last update", ...workflows({}, "updated") },
  { name: "Workflows.List by a part of the name", ...workflows({ nameContains: "n2" }) },
  { name: "Workflows.List by status", ...workflows({ statuses: ["ARCHIVED"] }) },
  { name: "Workflows.List by what versions contain", ...workflows({ contains: 8 }) },
  {
    name: "templates of a workspace",
    ask: async ({ read, transaction }) => {
      await listTemplates(read, SEEN, "ws_2");
      await findTemplate(read, EVERY_WORKSPACE, { workspaceId: "ws_2", id: "kept" });
      await transaction((tx) => countTemplates(tx, "ws_2"));
    },
  },
  { name: "draft of a workflow", ask: ({ read }) => findDraft(read, SEEN, "wf_2") },
  {
    name: "whether a workflow has runs",
    ask: ({ read }) => hasRuns(read, { workspaceId: BIG, id: "wf_2" }),
  },
  { name: "whether a workflow has open runs", ask: ({ read }) => hasOpenRuns(read, "wf_2") },
  { name: "closed workflows", ask: ({ read }) => findClosed(read, ["wf_1", "wf_2"]) },
  {
    name: "GetVersion",
    ask: async ({ read }) => {
      await findVersionHead(read, SEEN, "wfv_2");
      await findVersionSource(read, SEEN, "wfv_2");
    },
  },
  {
    name: "ListVersionHeads",
    ask: ({ read }) => listVersionHeads(read, SEEN, "wf_2", { before: undefined, limit: 50 }),
  },
  { name: "newest number", ask: ({ read }) => findNewestNumber(read, SEEN, "wf_2") },
  {
    name: "ListVersions",
    ask: ({ read }) => listVersions(read, EVERY_WORKSPACE, "wf_2", VERSIONS),
  },
  { name: "GetRun", ask: ({ read }) => findRunRows(read, EVERY_WORKSPACE, RUN) },
  { name: "runs of a trigger", ask: ({ read }) => findManyRunRows(read, EVERY_WORKSPACE, [RUN]) },
  {
    name: "payloads of steps",
    ask: ({ callers }) => findRunWith(callers, EVERY_WORKSPACE, RUN, STEP_PAYLOADS, 1_000),
  },
  { name: "outline of a run", ask: ({ callers }) => findRunOutline(callers, EVERY_WORKSPACE, RUN) },
  ...[EVERY_WORKSPACE, SEEN].flatMap(readsOfOneRun),
  {
    name: "watched runs: moved",
    ask: ({ read }) => findMovedRuns(read, [{ runId: RUN, seq: 0, state: "PENDING" }]),
  },
  {
    name: "watched runs: moves",
    ask: ({ read }) => findMovesAfter(read, [{ runId: RUN, seq: 0 }]),
  },
  { name: "head of a run", ask: ({ read }) => findRunHead(read, EVERY_WORKSPACE, RUN) },
  { name: "definition by name", ask: ({ read }) => findDefinitionByName(read, BIG, "n2") },
  { name: "version by number", ask: ({ read }) => findVersion(read, EVERY_WORKSPACE, "wf_2", 1) },
  { name: "seen: head of a run", ask: ({ read }) => findRunHead(read, SEEN, RUN) },
  { name: "seen: runs", ask: ({ read }) => findRuns(read, SEEN, [RUN]) },
  { name: "seen: error text", ask: ({ read }) => findErrorText(read, SEEN, RUN, 0) },
  { name: "seen: definition", ask: ({ read }) => findDefinition(read, SEEN, "wf_2") },
  { name: "heads of definitions", ask: ({ read }) => findDefinitionHead(read, SEEN, "wf_2") },
  { name: "seen: version by number", ask: ({ read }) => findVersion(read, SEEN, "wf_2", 1) },
  { name: "seen: ListVersions", ask: ({ read }) => listVersions(read, SEEN, "wf_2", VERSIONS) },
  {
    name: "runs that an event started",
    ask: ({ read }) =>
      findStartedRuns(read, EVERY_WORKSPACE, { workspaceId: BIG, id: "e1000" }, "EVENT"),
  },
  { name: "inbox: list", ...inbox(undefined) },
  { name: "inbox: list of a person", ...inbox("user_2") },
  { name: "inbox: count", ...inboxCount(undefined) },
  { name: "inbox: count of a person", ...inboxCount("user_2") },
  { name: "inbox: item", ask: ({ read }) => findAskingStep(read, EVERY_WORKSPACE, RUN, 0, 1) },
  { name: "seen: inbox: item", ask: ({ read }) => findAskingStep(read, SEEN, RUN, 0, 1) },
  ...[BIG, undefined].flatMap((workspaceId) =>
    [false, true].flatMap((settled) => letters({ workspaceId, settled })),
  ),
  {
    name: "dead letters: all that are open",
    ask: ({ lists }) => countOpenLetters(lists, EVERY_WORKSPACE, ""),
    limits: { count_letters_of_all: 10_000 },
  },
  {
    name: "dead letters: find",
    ask: ({ callers }) => findLetterHeads(callers, SEEN, LETTERS, true),
  },
  {
    name: "dead letters: read",
    ask: ({ callers }) => findDeadLetter(callers, SEEN, { stream: "S", streamSeq: 1_000 }, true),
  },
  {
    name: "dead letters: settle",
    ask: writing((tx) =>
      endDeadLetters(tx, LETTERS, { as: "discarded", via: "", by: "u", reason: "r" }),
    ),
  },
  ...[EVERY_WORKSPACE, SEEN].map((seen) => ({
    name: `${seen === SEEN ? "seen: " : ""}runs past their deadline`,
    ask: ({ lists }: Database) => findOverdueRuns(lists, seen, BIG, OVERDUE),
    // All there are of all workspaces, to the read's own bound.
    limits: { find_overdue_runs: 1_000 },
  })),
  { name: "approvals: find", ask: ({ read }) => findApproval(read, "apr_1002") },
  { name: "approvals: decisions", ask: ({ read }) => listDecisions(read, "apr_1002") },
  {
    name: "approvals: open",
    ask: ({ read }) => listOpenApprovals(read, BIG, 50, 0),
    limits: { ...COUNTED, list_open_approvals: 50 * 2 },
  },
  { name: "approvals: expire", ask: (database) => expireApprovals(database, 4, "late", 100) },
  { name: "approvals: claim", ask: (database) => claimDecisions(database, 1_000, 100) },
  { name: "sweep: approvals", ask: writing((tx) => dropOldApprovals(tx, 90, 100)) },
  { name: "a run that starts and ends", ask: moveRun },
  { name: "starts: lock", ask: writing((tx) => lockStarts(tx, [START])) },
  { name: "starts: find", ask: ({ read }) => findStarts(read, [START]) },
  { name: "outbox: poll", ask: (database) => listUnpublished(database, PARTITIONS, 64) },
  { name: "outbox: mark", ask: (database) => markPublished(database, "me", DONE, ACKED) },
  { name: "outbox: moves", ask: (database) => listMoves(database, [1_000, 1_001]) },
  { name: "outbox: runs", ask: (database) => listRunsById(database, [RUN]) },
  {
    name: "outbox: next states",
    ask: (database) => listNextRunStates(database, [{ runId: RUN, seq: 1 }]),
  },
  { name: "timers: next due", ask: ({ read }) => findNextDue(read, 1_000) },
  { name: "timers: due", ask: ({ read }) => findDue(read, 500, []) },
  { name: "schedules: due", ask: ({ read }) => findDueSchedules(read, 500, []) },
  {
    name: "schedules: move",
    ask: writing((tx) => {
      const at = new Date(0);
      const slot = { cronLine: "@daily", anchorAt: at, nextAt: at, newNextAt: at };
      return moveSchedules(tx, [{ definitionId: "wf_2", ...slot }]);
    }),
  },
  { name: "reports: missed", ask: ({ read }) => listMissedReports(read, 0, 1e9, 500) },
  {
    name: "reports: early",
    ask: ({ read }) => findEarlyReports(read, [{ workspaceId: BIG, objectId: "o100" }]),
  },
  {
    name: "checks: find",
    ask: ({ read }) => findUnreported(read, FIRST_RUN, 60_000),
    // The runs of a page of 500 and their open steps, each on pages of its own.
    limits: { find_unreported_steps: 500 * 5 },
  },
  {
    name: "checks: claim",
    ask: (database) => claimChecks(database, [{ runId: RUN, stepIndex: 0 }], 60_000),
  },
  {
    name: "events: patterns",
    ask: ({ read }) => findWaitPatterns(read, [{ place: 0, workspaceId: BIG, key: "type:t2" }]),
  },
  {
    name: "events: steps",
    ask: ({ read }) =>
      findReported(read, [
        { place: 0, workspaceId: BIG, kind: "objective", objectId: "none" },
        { place: 1, workspaceId: BIG, kind: "approval", objectId: "none" },
      ]),
  },
  { name: "events: edition", ask: ({ read }) => findReported(read, []) },
  { name: "events: waits", ask: ({ read }) => findWaits(read, [WAIT]) },
  {
    name: "events: keys of the catalogue",
    ask: ({ read }) => listListenedKeys(read, LISTED_KEYS),
    // A row and an entry of the index for each key of both kinds.
    limits: { list_catalogue_keys: 4 * LISTED_KEYS },
  },
  {
    name: "events: look back by type",
    ask: ({ read }) => findKeptEvents(read, [{ ...KEPT, type: "t2" }]),
  },
  {
    name: "events: look back by subject",
    ask: ({ read }) => findKeptEvents(read, [{ ...KEPT, subject: "orders.1000" }]),
  },
  {
    name: "events: look back by filter",
    ask: ({ read }) => findKeptEvents(read, [{ ...KEPT, equals: "1234567" }]),
  },
  {
    name: "waits: list",
    ask: ({ read }) => listOpenWaits(read, FIRST_WAIT, 1e9, 200),
    // A step and its run each.
    limits: { list_open_waits: 200 * 8 },
  },
  {
    // Of a few minutes: all others are older, and none of them may be read.
    name: "waits: list young ones",
    ask: ({ read }) => listOpenWaits(read, FIRST_WAIT, 60, 200),
    limits: { list_open_waits: 200 * 8 },
  },
  {
    name: "waits: list far down",
    ask: ({ read }) => listOpenWaits(read, [new Date(Date.now() - 86_400_000), "", -1], 1e9, 200),
    limits: { list_open_waits: 200 * 8 },
  },
  {
    name: "workflows: those that are looked at together",
    ask: ({ read }) => listDeployedWorkflows(read, "", 500),
    // A definition, whether it is closed, and its newest deployment where it has no latest version.
    limits: { list_deployed_workflows: 500 * 10 },
  },
  {
    name: "workflows: those that others start and that are gone",
    ask: ({ read }) => {
      const named = { workspaceId: BIG, id: "", name: "none" };
      return findMissingChildren(read, [named, { ...named, id: "wf_none" }]);
    },
  },
  {
    name: "deployments: a run of a version that completed",
    ask: ({ read }) => {
      const version = { workspaceId: BIG, definitionId: "wf_0", versionId: "wfv_none" };
      return hasCompletedRun(read, version, "staging");
    },
    // Each of the newest 10,000 may be on a page of its own.
    limits: { find_completed_run_of_version: 10_000 * 2 + 300 },
  },
  {
    name: "deployments: whether a workflow was elsewhere",
    ask: ({ callers }) => wasWorkflowTried(callers, EVERY_WORKSPACE, "wf_2"),
  },
  { name: "runs: unfinished", ask: ({ read }) => findUnfinished(read, 100) },
  { name: "calls: claim", ask: (database) => claimCalls(database, "me", [FREE], []) },
  { name: "calls: renew", ask: (database) => renewCalls(database, "replica", [CALL]) },
  { name: "calls: release", ask: (database) => releaseCalls(database, "replica", [CALL]) },
  { name: "calls: drop", ask: (database) => dropCalls(database, [CALL]) },
  { name: "tasks: open ones of a run", ask: ({ read }) => findOpenTasks(read, [RUN]) },
  { name: "tasks: places", ask: ({ read }) => findTaskPlaces(read, [TASK]) },
  {
    name: "tasks: write places",
    ask: (database) => placeTasks(database, [{ ...TASK, created: "", seq: 1 }]),
  },
  {
    name: "events: triggers",
    ask: ({ read }) => findTriggers(read, [{ place: 0, workspaceId: BIG, key: "type:2" }]),
  },
  {
    name: "events: keep",
    ask: writing((tx) => {
      const event = { source: "s", type: "t", subject: "", time: "", data: {} };
      return keepEvents(tx, [{ workspaceId: BIG, id: "new", ...event }]);
    }),
  },
  {
    name: "dead letters: insert",
    ask: writing((tx) => {
      const letter = { subject: "s", reason: "r", problem: "p", headers: {}, data: HASH };
      const place = { stream: "S", streamSeq: 1_000, workspaceId: BIG };
      return insertDeadLetters(tx, [{ ...place, ...letter }]);
    }),
  },
  {
    name: "keys: claim",
    ask: writing((tx) => claimKeys(tx, [{ ...KEY, key: "new", bodyHash: HASH }])),
  },
  { name: "keys: take over", ask: writing((tx) => takeOverKey(tx, KEY, HASH)) },
  { name: "keys: find", ask: ({ read }) => findKey(read, KEY) },
  { name: "keys: mark", ask: writing((tx) => markKeys(tx, [{ ...KEY, appliedTo: RUN }])) },
  {
    name: "keys: answer",
    ask: writing((tx) => answerKeys(tx, [{ ...KEY, appliedTo: RUN, answer: HASH }])),
  },
  { name: "keys: give back", ask: writing((tx) => giveBackKey(tx, KEY)) },
  { name: "sweep: keys", ask: writing((tx) => dropOldKeys(tx, 5_000)) },
  { name: "sweep: events and reports", ask: writing((tx) => dropOldEvents(tx, AGES, 2_000)) },
  { name: "sweep: dead letters", ask: writing((tx) => dropOldDeadLetters(tx, 30, 2_000)) },
  { name: "sweep: starts without a run", ask: writing((tx) => dropLeftStarts(tx, 4_000)) },
  { name: "sweep: marks", ask: writing((tx) => dropMarks(tx, 7, 0, 5_000)) },
  { name: "sweep: ended runs", ask: writing((tx) => dropEndedRuns(tx, 90, FIRST_ENDED, 100)) },
  { name: "sweep: a run passed over", ask: writing((tx) => passOverEnded(tx, 90, FIRST_ENDED)) },
  {
    name: "sweep: notice",
    ask: writing(async (tx) => {
      await giveNotice(tx, 90);
      await isDue(tx, 90);
    }),
    limits: { give_retention_notice: 100_000 },
  },
  ...peopleCases,
  ...workflowCases,
  ...starterCases,
];
