/**
 * A client of one service: both packages of its contract, by any protocol of Connect.
 * Boundary: holds no state but its options; runs in browsers too.
 */
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { Endpoints } from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import { Inbox } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { System } from "../../gen/workflows/ops/v1/system_pb.ts";
import { Templates } from "../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Identity, keptCalls } from "./calls.ts";
import { type Lists, listsOf } from "./lists.ts";
import { type Watches, watchesOf } from "./watches.ts";

/** Which service, who calls, and how long a call may take. */
export interface ClientOptions extends Identity {
  /** The base URL of the service, such as `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** How long a unary call may take with all its tries, in ms; 30,000 unless given, 0: for ever. Its own `timeoutMs` takes precedence. */
  readonly timeoutMs?: number;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Another transport of Connect, such as gRPC by `@connectrpc/connect-node`. `fetch` is not used then. */
  readonly createTransport?: (options: { readonly baseUrl: string }) => Transport;
}

/** Clients of the services, and their lists and streams as iterators. Every call and iterator fails with a WorkflowsError. */
export interface WorkflowsClient {
  /** workflows.v1.WorkflowService. */
  readonly workflows: Client<typeof WorkflowService>;
  /** workflows.ops.v1.Workflows: source texts, and the heads of versions. */
  readonly sources: Client<typeof Workflows>;
  /** workflows.ops.v1.Runs. */
  readonly runs: Client<typeof Runs>;
  /** workflows.ops.v1.Inbox. */
  readonly inbox: Client<typeof Inbox>;
  /** workflows.ops.v1.System. */
  readonly system: Client<typeof System>;
  /** workflows.ops.v1.Endpoints: webhooks. */
  readonly endpoints: Client<typeof Endpoints>;
  /** workflows.ops.v1.Schedules. */
  readonly schedules: Client<typeof Schedules>;
  /** workflows.ops.v1.Templates. */
  readonly templates: Client<typeof Templates>;
  readonly lists: Lists;
  readonly watches: Watches;
}

const TIMEOUT_MS = 30_000;

/** Makes a client; nothing is sent before its first call. */
export function createWorkflowsClient(options: ClientOptions): WorkflowsClient {
  const { baseUrl, timeoutMs = TIMEOUT_MS, createTransport = byFetch(options) } = options;
  const transport = keptCalls(createTransport({ baseUrl }), options, timeoutMs);
  const clients = {
    workflows: createClient(WorkflowService, transport),
    sources: createClient(Workflows, transport),
    runs: createClient(Runs, transport),
    inbox: createClient(Inbox, transport),
    system: createClient(System, transport),
    endpoints: createClient(Endpoints, transport),
    schedules: createClient(Schedules, transport),
    templates: createClient(Templates, transport),
  };
  return { ...clients, lists: listsOf(clients), watches: watchesOf(clients) };
}

/** Connect by `fetch`: a request whose answer does not arrive is UNAVAILABLE. */
function byFetch({ fetch = globalThis.fetch }: ClientOptions) {
  const checked: typeof globalThis.fetch = async (url, init) => {
    try {
      const response = await fetch(url, init);
      const isStream = response.headers.get("Content-Type")?.startsWith(STREAM) ?? false;
      const { status, headers } = response;
      if (isStream) return new Response(endedBy(init?.signal, response.body), { status, headers });
      // A connection may break in the middle of an answer.
      return new Response(await response.arrayBuffer(), { status, headers });
    } catch (error) {
      if (init?.signal?.aborted) throw error;
      throw new ConnectError("no answer arrived", Code.Unavailable, undefined, undefined, error);
    }
  };
  return ({ baseUrl }: { readonly baseUrl: string }) =>
    createConnectTransport({
      baseUrl,
      useBinaryFormat: true,
      binaryOptions: { recursionLimit: NESTED_MESSAGES },
      fetch: checked,
    });
}

/** The body, which the signal ends: that of Node's `fetch` goes on where the garbage collector came before the signal. */
function endedBy(signal: AbortSignal | null | undefined, body: Response["body"]): Response["body"] {
  if (!signal || body === null) return body;
  return body.pipeThrough(new TransformStream(), { signal });
}

/** Payloads have 64 levels, a list of each two messages, and some more messages are around them. The library reads 100. */
const NESTED_MESSAGES = 200;

/** The content type of answers that are streams. */
const STREAM = "application/connect+";
