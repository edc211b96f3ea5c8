/**
 * The service under bad requests: sends bytes as they are, judges each answer, and remembers what was answered OK.
 * Boundary: one call at a time, so that what a call changes is known to be its own.
 */

import { readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import {
  type DescMethodUnary,
  type DescService,
  fromJsonString,
  type Message,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { type Caller, SCOPES } from "../../../src/collaborators/identity/callers.ts";
import { createLog } from "../../../src/process/log.ts";
import { decodeMessage } from "../../../src/wire/proto/messages.ts";
import { type RpcService, startRpcService } from "./rpc-service.ts";

/** An answer: its message, or the reason of its refusal. */
type Answered =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly reason: string };

/** What is sent. */
export interface Sent {
  readonly method: DescMethodUnary;
  readonly type: "application/json" | "application/proto";
  readonly body: Uint8Array;
}

/** The service, and how it is called. */
export interface FuzzedService extends RpcService {
  /** Faults of the service that it logged. */
  readonly faults: string[];
  /** Sends a request as workspace `ws_a`; throws when the answer's code and reason are not documented ones. */
  send(sent: Sent): Promise<Answered>;
}

/** Reasons that a sound service at rest does not give. */
const UNEXPECTED = ["INTERNAL", "UNAVAILABLE", "TIMED_OUT", "LOST_RACE", "OVERLOADED"];
/** Health's one refusal of its own; its code is the health protocol's. */
const UNKNOWN_SERVICE = "NOT_FOUND for PROTOCOL";
const DOCUMENTED = documentedCodes();

/** Code by reason, from the page that callers read. */
function documentedCodes(): ReadonlyMap<string, string> {
  const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  const rows = page.matchAll(/^\| `([A-Z_]+)` \| ([A-Z_]+) \|/gm);
  return new Map([...rows].map(([, reason = "", code = ""]) => [reason, code]));
}

/** Starts it; tokens are names of workspaces, whose callers may do everything there. */
export async function startFuzzedService(): Promise<FuzzedService> {
  const faults: string[] = [];
  const log = createLog({ level: "error", format: "json", write: (line) => faults.push(line) });
  const service = await startRpcService({
    callers: { find: async (token) => callerOf(token) },
    log,
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ...service,
    faults,
    async send(sent) {
      const { status, body } = await post(agent, service.baseUrl, sent);
      if (status === 200) return { ok: true, message: read(sent, body) };
      return { ok: false, reason: judge(body) };
    },
    async stop() {
      agent.destroy();
      await service.stop();
    },
  };
}

function callerOf(workspaceId: string): Caller {
  return {
    subject: `user_of_${workspaceId}`,
    workspaceId,
    scopes: new Set(SCOPES),
    isAgent: false,
  };
}

function post(agent: Agent, baseUrl: string, { method, type, body }: Sent) {
  return new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
    const headers = { "content-type": type, authorization: "Bearer ws_a" };
    const path = pathOf(method.parent, method.name);
    const sending = httpRequest(baseUrl + path, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
      );
      response.on("error", reject);
    });
    sending.on("error", reject);
    sending.end(body);
  });
}

function pathOf(service: DescService, method: string): string {
  return `/${service.typeName}/${method}`;
}

function read({ method, type }: Sent, body: Buffer): Message {
  return type === "application/json"
    ? fromJsonString(method.output, body.toString())
    : decodeMessage(method.output, body);
}

/** The reason of a refusal; throws when it is none that the service's page has, or not with this code. */
function judge(body: Buffer): string {
  const error = refusalOf(body);
  const reason = error.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
  const code = Code[error.code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  const given = `${code} for ${reason}`;
  if (DOCUMENTED.get(reason) === code && !UNEXPECTED.includes(reason)) return reason;
  if (given === UNKNOWN_SERVICE) return reason;
  throw new Error(`${given}: ${error.rawMessage}`);
}

function refusalOf(body: Buffer): ConnectError {
  const unread = new ConnectError("the answer is no refusal");
  try {
    return errorFromJsonBytes(new Uint8Array(body), undefined, unread);
  } catch (error) {
    return ConnectError.from(error);
  }
}
