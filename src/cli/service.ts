/**
 * Calls of the service, and what went wrong with one as one sentence and an exit code.
 * Boundary: Connect over HTTP/1.1, so that another program on the port is told apart by its answer.
 */
import { randomUUID } from "node:crypto";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Endpoints } from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import { Inbox } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Schedules } from "../../gen/workflows/ops/v1/schedules_pb.ts";
import { System } from "../../gen/workflows/ops/v1/system_pb.ts";
import { Templates } from "../../gen/workflows/ops/v1/templates_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { maskUrl } from "../settings/mask.ts";
import { CliFailure, EXIT, findFailure, NotTheService } from "./failure.ts";
import { oneLine } from "./one-line.ts";
import { requireHeaderText, type Settings } from "./settings.ts";

/** Clients whose calls and streams fail with a CliFailure. */
export interface Service {
  readonly workflows: Client<typeof WorkflowService>;
  /** Source texts and the heads of versions. */
  readonly sources: Client<typeof Workflows>;
  readonly inbox: Client<typeof Inbox>;
  readonly runs: Client<typeof Runs>;
  readonly system: Client<typeof System>;
  readonly endpoints: Client<typeof Endpoints>;
  readonly schedules: Client<typeof Schedules>;
  readonly templates: Client<typeof Templates>;
  readonly settings: Settings;
  /** What the clients call by. */
  readonly transport: Transport;
}

/** A fault of a field that the service refused. */
interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** A refusal of the service with the fields that it names. */
export class FieldsRefused extends CliFailure {
  readonly violations: readonly FieldViolation[];

  constructor(message: string, violations: readonly FieldViolation[], cause: unknown) {
    super(message, EXIT.usage, { cause });
    this.violations = violations;
  }
}

const KEY_HEADER = "Idempotency-Key";
const CALL_TIMEOUT_MS = 30_000;
/** Payloads have 64 levels, a list of each two messages, and some more messages are around them. The library reads 100. */
const NESTED_MESSAGES = 200;

/**
 * Nothing is sent before the first call. `key` is the Idempotency-Key of writes, a new one for each unless given; `via`: the program
 * that the history names.
 */
export function connectService(settings: Settings, key?: string, via = "cli"): Service {
  if (key !== undefined) requireHeaderText(key, "--key");
  const identify: Interceptor = (next) => async (request) => {
    if (settings.token !== undefined)
      request.header.set("Authorization", `Bearer ${settings.token}`);
    if (settings.actor !== undefined) request.header.set("Workflows-Actor", settings.actor);
    if (settings.environment !== undefined)
      request.header.set("Workflows-Environment", settings.environment);
    request.header.set("Workflows-Via", via);
    if (request.method.idempotency === 0 && !request.header.has(KEY_HEADER))
      request.header.set(KEY_HEADER, key ?? randomUUID());
    return next(request);
  };
  const calls = createConnectTransport({
    baseUrl: settings.server,
    httpVersion: "1.1",
    defaultTimeoutMs: CALL_TIMEOUT_MS,
    binaryOptions: { recursionLimit: NESTED_MESSAGES },
    interceptors: [identify],
  });
  const transport = describing(calls, settings);
  return {
    workflows: createClient(WorkflowService, transport),
    sources: createClient(Workflows, transport),
    inbox: createClient(Inbox, transport),
    runs: createClient(Runs, transport),
    system: createClient(System, transport),
    endpoints: createClient(Endpoints, transport),
    schedules: createClient(Schedules, transport),
    templates: createClient(Templates, transport),
    settings,
    transport,
  };
}

/** Not by an interceptor: the deadline of a call ends it around them. */
function describing(calls: Transport, settings: Settings): Transport {
  const describe = (error: unknown): never => {
    throw describeFailure(error, settings);
  };
  return {
    unary: (...call) => calls.unary(...call).catch(describe),
    async stream(...call) {
      const answered = await calls.stream(...call).catch(describe);
      return { ...answered, message: described(answered.message, settings) };
    },
  };
}

async function* described<T>(messages: AsyncIterable<T>, settings: Settings): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw describeFailure(error, settings, describeCut);
  }
}

/** The exit codes of the service's refusals; every other code is 1. */
const EXITS: Partial<Record<Code, number>> = {
  [Code.InvalidArgument]: EXIT.usage,
  [Code.NotFound]: EXIT.notFound,
  [Code.Unauthenticated]: EXIT.notAllowed,
  [Code.PermissionDenied]: EXIT.notAllowed,
  [Code.Unavailable]: EXIT.away,
  [Code.Aborted]: EXIT.away,
  [Code.ResourceExhausted]: EXIT.away,
  [Code.DeadlineExceeded]: EXIT.away,
  [Code.FailedPrecondition]: EXIT.refused,
  [Code.AlreadyExists]: EXIT.refused,
};

/** Somebody else was faster: to try again as it is does not help. */
const MISMATCH = "ETAG_MISMATCH";

/** What a failed call means for the person at the terminal. */
function describeFailure(
  thrown: unknown,
  settings: Settings,
  describeOther = describeForeign,
): CliFailure {
  const error = ConnectError.from(thrown);
  const sentence = oneLine(error.rawMessage);
  const isOurs = error.findDetails(ErrorInfoSchema).some(({ domain }) => domain === "workflows");
  if (!isOurs) return describeOther(error, settings);
  if (error.code === Code.Unimplemented) {
    return new NotTheService(`${shown(settings)} is of an older release: ${sentence}`, error);
  }
  const violations = error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations);
  if (violations.some(({ field }) => field === "workspace_id") && settings.workspace === "") {
    const message = "no workspace is given: use --workspace NAME or WORKFLOWS_WORKSPACE";
    return new CliFailure(message, EXIT.usage, { cause: error });
  }
  if (violations.length > 0) return new FieldsRefused(sentence, violations, error);
  const isMismatch = error.findDetails(ErrorInfoSchema).some(({ reason }) => reason === MISMATCH);
  const exitCode = isMismatch ? EXIT.refused : (EXITS[error.code] ?? EXIT.failed);
  const hint =
    error.code === Code.Unauthenticated && settings.token === undefined
      ? "; no token was sent (--token-file, WORKFLOWS_TOKEN)"
      : "";
  return new CliFailure(`${sentence}${hint}`, exitCode, { cause: error });
}

/** An error that the service did not make: it is away, or something else answers at its address. */
function describeForeign(error: ConnectError, settings: Settings): CliFailure {
  const sentence = oneLine(error.rawMessage);
  const server = shown(settings);
  const fail = (message: string) => new CliFailure(message, EXIT.away, { cause: error });
  const cause = systemCode(error);
  if (cause !== undefined) return fail(`cannot reach ${server}: ${SYSTEM_WORDS[cause] ?? cause}`);
  if (error.code === Code.DeadlineExceeded) {
    return fail(`${server} did not answer within ${CALL_TIMEOUT_MS / 1_000} s`);
  }
  // Cancelled: it was silent for too long.
  if (error.code === Code.Unavailable || error.code === Code.Canceled) {
    return fail(`${server} is not available: ${sentence}`);
  }
  return new NotTheService(
    `${server} answers, but not as a workflow service of this release: ${sentence}`,
    error,
  );
}

/** A stream that broke off: it was of the service. */
function describeCut(error: ConnectError, settings: Settings): CliFailure {
  const failure = describeForeign(error, settings);
  if (!(failure instanceof NotTheService)) return failure;
  const message = `${shown(settings)} broke off: ${oneLine(error.rawMessage)}`;
  return new CliFailure(message, EXIT.away, { cause: error });
}

function shown({ server }: Settings): string {
  return maskUrl(server).replace(/\/+$/, "");
}

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (connection refused)",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection; something else may listen there",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the name of the host could not be looked up",
  ETIMEDOUT: "the connection timed out",
  EPROTO: "it does not speak TLS; use http://",
};

/** Whether a call failed because the service is of a release that does not have it. */
export function isUnimplemented(error: unknown): boolean {
  const cause = findFailure(error)?.cause;
  return cause instanceof ConnectError && cause.code === Code.Unimplemented;
}

/** The code of the fault below an error, such as ECONNREFUSED. */
function systemCode(error: unknown): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ConnectError) && "code" in cause && typeof cause.code === "string")
      return cause.code;
  }
  return undefined;
}
