/**
 * The collaborators that are configured: one client each, behind its own gate and breaker.
 * Boundary: who is asked what, and what an answer means, is known by performers/.
 * Invariants:
 * 1. Every call has a deadline; nothing is compressed. Who can go on without an answer waits 2.5 s at most.
 * 2. A call that creates something carries its id as Idempotency-Key, the same on every try.
 */
import { createHash } from "node:crypto";
import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { reached } from "../process/crash-points.ts";
import type { Log } from "../process/log.ts";
import { NotSent } from "./call-failure.ts";
import { createConnectTransport } from "./connect-transport.ts";
import { createFramedTransport } from "./framed-transport.ts";
import { createGate, type Gate } from "./gate.ts";
import { createLocalTransport, type LocalRoutes } from "./local-transport.ts";
import { COLLABORATORS, type CollaboratorName } from "./names.ts";
import type { Transport } from "./transport.ts";

/** How collaborators are reached. */
export interface ClientSettings {
  /** Base URLs of those that are configured. */
  readonly urls: Readonly<Partial<Record<CollaboratorName, string>>>;
  /** Those that this process serves itself. */
  readonly local?: Readonly<Partial<Record<CollaboratorName, LocalRoutes>>>;
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly timeoutMs: number;
  /** Bearer token. */
  readonly token?: string;
  /** Open calls per collaborator. */
  readonly concurrency: number;
}

/** What a call is for: the id that is its trace and key, and the workspace whose turn it takes. */
export interface CallOrigin {
  readonly callId: string;
  /** "" when no workspace is known. */
  readonly workspaceId: string;
  /** Asked when the call's turn has come: true where it is not to be sent any more. It is then NotSent. */
  readonly isOver?: () => boolean;
  /** The program through which a person came who decides by this call. */
  readonly via?: string;
}

/** A client of one collaborator. Its calls reject with CallFailure or NotSent. */
export interface Client {
  /** Sends a stored request that creates something, under its key. */
  create<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: Uint8Array,
    origin: CallOrigin,
  ): Promise<MessageShape<O>>;
  /** Sends a request that may be repeated at will. */
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    origin: CallOrigin,
  ): Promise<MessageShape<O>>;
  /** As ask, for callers who can go on without: rejects with NoTurn rather than wait for its turn for long. */
  askBriefly<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    origin: CallOrigin,
  ): Promise<MessageShape<O>>;
}

/** The collaborators that are configured. */
export interface Clients {
  find(name: CollaboratorName): Client | undefined;
  /** Throws NotConfigured. */
  require(name: CollaboratorName): Client;
  /** How long its breaker stays open, in ms; 0: until the probe has ended; undefined: closed, or not configured. */
  breakerRestMs(name: string): number | undefined;
  /** Sends nothing more; calls under way go on. */
  close(): void;
  /** Breaks off what is still under way. */
  disconnect(): void;
}

/** A step needs a collaborator that is not configured; the message says which variable to set. */
export class NotConfigured extends Error {
  override readonly name = "NotConfigured";
}

/** Makes a client of each collaborator that has a URL or is served here. */
export function createClients(settings: ClientSettings, log: Log): Clients {
  const clients = new Map<CollaboratorName, Client>();
  const gates = new Map<string, Gate>();
  const transports: Transport[] = [];
  for (const name of COLLABORATORS) {
    const transport = openTransport(settings, name);
    if (transport === undefined) continue;
    const gate = createGate(settings.concurrency, (open) => {
      if (open)
        log.warn("a collaborator does not answer and is left alone", { collaborator: name });
      else log.info("a collaborator answers again", { collaborator: name });
    });
    gates.set(name, gate);
    transports.push(transport);
    clients.set(name, createClient(gate, transport, settings));
  }
  return {
    find: (name) => clients.get(name),
    require(name) {
      const client = clients.get(name);
      if (client === undefined) throw new NotConfigured(missing(name));
      return client;
    },
    breakerRestMs: (name) => gates.get(name)?.restMs(),
    close() {
      for (const gate of gates.values()) gate.close();
    },
    disconnect() {
      for (const transport of transports) transport.close();
    },
  };
}

const NEEDS: Readonly<Record<CollaboratorName, string>> = {
  objectives: "agent actions need the objectives service",
  agents: "delegations need the agents service",
  registry: "finding an agent by capability needs the registry or the agents service",
  approvals: "approvals need the approvals service",
  governance: "governance checks need the governance service",
  notifications: "notifications need the notifications service",
  meter: "costs that no event reports need the meter service",
  prompts: "a prompt that the agent has bound needs the prompts service",
  skills: "checking a skill needs the skills service",
  entities: "canonical entities need the entities service",
  identity: "judging the tokens of callers needs the identity service",
};

function missing(name: CollaboratorName): string {
  return `${name.toUpperCase()}_URL is not set: ${NEEDS[name]}`;
}

function openTransport(settings: ClientSettings, name: CollaboratorName): Transport | undefined {
  const { protocol, timeoutMs, concurrency } = settings;
  const routes = settings.local?.[name];
  if (routes !== undefined) return createLocalTransport(routes, timeoutMs);
  const baseUrl = settings.urls[name];
  if (baseUrl === undefined) return undefined;
  const options = { baseUrl, timeoutMs, connections: concurrency };
  return protocol === "connect"
    ? createConnectTransport(options)
    : createFramedTransport(protocol, options);
}

const BRIEF_TIMEOUT_MS = 2_000;

function createClient(gate: Gate, transport: Transport, settings: ClientSettings): Client {
  const { token = "" } = settings;
  const fixed: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
  const briefTimeoutMs = Math.min(settings.timeoutMs, BRIEF_TIMEOUT_MS);
  return {
    create(method, request, { callId, workspaceId, isOver, via }) {
      const headers = {
        ...{ ...fixed, "idempotency-key": callId, traceparent: traceOf(callId) },
        ...(via === undefined ? {} : { "workflows-via": via }),
      };
      return gate.run(workspaceId, async () => {
        requireWanted(isOver);
        const sending = transport.send(method, request, headers);
        const [reply] = await Promise.all([sending, reached("call.sent", method.name)]);
        return reply;
      });
    },
    ask(method, request, { callId, workspaceId, isOver }) {
      const headers = { ...fixed, traceparent: traceOf(callId) };
      const bytes = toBinary(method.input, create(method.input, request));
      return gate.run(workspaceId, async () => {
        requireWanted(isOver);
        return transport.send(method, bytes, headers);
      });
    },
    askBriefly(method, request, { callId, workspaceId }) {
      const headers = { ...fixed, traceparent: traceOf(callId) };
      const bytes = toBinary(method.input, create(method.input, request));
      return gate.runSoon(workspaceId, () =>
        transport.send(method, bytes, headers, briefTimeoutMs),
      );
    },
  };
}

function requireWanted(isOver: CallOrigin["isOver"]): void {
  if (isOver?.() === true) throw new NotSent("it is not to be sent any more");
}

/** W3C trace context: the same for every try of a call, so that a collaborator's traces can be put together. */
function traceOf(callId: string): string {
  const hash = createHash("sha256").update(callId).digest("hex");
  return `00-${hash.slice(0, 32)}-${hash.slice(32, 48)}-01`;
}
