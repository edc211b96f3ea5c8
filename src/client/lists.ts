/** Lists as iterators: the next page is asked for when the last one has been taken. Boundary: one function a list; no cache. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type {
  DeadLetter,
  ListDeadLettersRequestSchema,
} from "../../gen/workflows/ops/v1/dead_letters_pb.ts";
import type {
  Deployment,
  ListDeploymentsRequestSchema,
} from "../../gen/workflows/ops/v1/deployments_pb.ts";
import type {
  Endpoint,
  Endpoints,
  EndpointsListRequestSchema,
} from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import type {
  Inbox,
  InboxItem,
  InboxListRequestSchema,
} from "../../gen/workflows/ops/v1/inbox_pb.ts";
import type {
  GetHistoryRequestSchema,
  Move,
  Runs,
  SearchRequestSchema,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import type {
  Schedule,
  Schedules,
  SchedulesListRequestSchema,
} from "../../gen/workflows/ops/v1/schedules_pb.ts";
import type {
  ListMissedTriggersRequestSchema,
  MissedTrigger,
} from "../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import type {
  ListVersionHeadsRequestSchema,
  VersionHead,
  Workflow,
  Workflows,
  WorkflowsListRequestSchema,
} from "../../gen/workflows/ops/v1/workflows_pb.ts";
import type {
  ListDefinitionsRequestSchema,
  WorkflowDefinition,
  WorkflowRun,
  WorkflowService,
} from "../../gen/workflows/v1/workflows_pb.ts";

/** Of a list or a watch. */
export interface IteratorOptions {
  /** Ends the iterator: it rejects. */
  readonly signal?: AbortSignal;
}

/** Each takes the request of its RPC. `page_size` says how many are asked for at once. */
export interface Lists {
  /** Runs.Search. */
  runs(
    request: MessageInitShape<typeof SearchRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<WorkflowRun>;
  /** Runs.GetHistory. */
  history(
    request: MessageInitShape<typeof GetHistoryRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<Move>;
  /** Inbox.List. */
  inbox(
    request: MessageInitShape<typeof InboxListRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<InboxItem>;
  /** Runs.ListDeadLetters. */
  deadLetters(
    request: MessageInitShape<typeof ListDeadLettersRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<DeadLetter>;
  /** Workflows.List. */
  workflows(
    request: MessageInitShape<typeof WorkflowsListRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<Workflow>;
  /** Workflows.ListVersionHeads. */
  versions(
    request: MessageInitShape<typeof ListVersionHeadsRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<VersionHead>;
  /** Workflows.ListDeployments. */
  deployments(
    request: MessageInitShape<typeof ListDeploymentsRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<Deployment>;
  /** Workflows.ListMissedTriggers. */
  missedTriggers(
    request: MessageInitShape<typeof ListMissedTriggersRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<MissedTrigger>;
  /** Endpoints.List. */
  endpoints(
    request: MessageInitShape<typeof EndpointsListRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<Endpoint>;
  /** Schedules.List. */
  schedules(
    request: MessageInitShape<typeof SchedulesListRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<Schedule>;
  /**
   * ListDefinitions, whose pages are counted from the newest: one that is made meanwhile shifts them, so that another comes twice. It
   * rejects after 10,000; `workflows` has no such end.
   */
  definitions(
    request: MessageInitShape<typeof ListDefinitionsRequestSchema>,
    options?: IteratorOptions,
  ): AsyncIterable<WorkflowDefinition>;
}

interface Clients {
  readonly workflows: Client<typeof WorkflowService>;
  readonly sources: Client<typeof Workflows>;
  readonly runs: Client<typeof Runs>;
  readonly inbox: Client<typeof Inbox>;
  readonly endpoints: Client<typeof Endpoints>;
  readonly schedules: Client<typeof Schedules>;
}

const DEFINITIONS_PAGE = 100;

/** The lists of these clients. */
export function listsOf(clients: Clients): Lists {
  const { workflows, runs, inbox } = clients;
  return {
    ...listsOfWorkflows(clients),
    runs: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await runs.search({ ...request, pageToken }, options);
        return { items: page.runs, next: page.nextPageToken };
      }),
    history: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await runs.getHistory({ ...request, pageToken }, options);
        return { items: page.moves, next: page.nextPageToken };
      }),
    inbox: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await inbox.list({ ...request, pageToken }, options);
        return { items: page.items, next: page.nextPageToken };
      }),
    deadLetters: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await runs.listDeadLetters({ ...request, pageToken }, options);
        return { items: page.deadLetters, next: page.nextPageToken };
      }),
    async *definitions(request, options) {
      const limit = request.limit || DEFINITIONS_PAGE;
      for (let offset = request.offset ?? 0; ; offset += limit) {
        const page = await workflows.listDefinitions({ ...request, limit, offset }, options);
        yield* page.definitions;
        if (page.definitions.length < limit) return;
      }
    },
  };
}

/** Those of workflows, and of what is a workflow's. */
function listsOfWorkflows({
  sources,
  endpoints,
  schedules,
}: Clients): Omit<Lists, "runs" | "history" | "inbox" | "deadLetters" | "definitions"> {
  return {
    workflows: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await sources.list({ ...request, pageToken }, options);
        return { items: page.workflows, next: page.nextPageToken };
      }),
    missedTriggers: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await sources.listMissedTriggers({ ...request, pageToken }, options);
        return { items: page.triggers, next: page.nextPageToken };
      }),
    versions: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await sources.listVersionHeads({ ...request, pageToken }, options);
        return { items: page.versions, next: page.nextPageToken };
      }),
    deployments: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await sources.listDeployments({ ...request, pageToken }, options);
        return { items: page.deployments, next: page.nextPageToken };
      }),
    endpoints: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await endpoints.list({ ...request, pageToken }, options);
        return { items: page.endpoints, next: page.nextPageToken };
      }),
    schedules: (request, options) =>
      byTokens(request.pageToken, async (pageToken) => {
        const page = await schedules.list({ ...request, pageToken }, options);
        return { items: page.schedules, next: page.nextPageToken };
      }),
  };
}

/** A page may be empty, and still not be the last one. */
async function* byTokens<T>(
  first: string | undefined,
  ask: (pageToken: string) => Promise<{ readonly items: readonly T[]; readonly next: string }>,
): AsyncGenerator<T> {
  let pageToken = first ?? "";
  do {
    const { items, next } = await ask(pageToken);
    yield* items;
    pageToken = next;
  } while (pageToken !== "");
}
