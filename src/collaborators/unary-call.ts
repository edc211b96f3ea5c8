/**
 * A unary call by HTTP/1.1 over connections that are kept.
 * Boundary: bytes out, a whole reply in; what a status means is connect-transport.ts's. undici speaks the protocol; its handlers are used
 * without the streams that its requests make, for a call has one piece each way.
 * Invariants:
 * 1. A call that was sent on a kept connection, and had no answer when that was closed, is sent once more: the collaborator may have
 *    closed it while it was idle. The key makes that safe.
 * 2. A call ends within its time, also one that waits for a connection.
 */
import { Code } from "@connectrpc/connect";
import { Client, type Dispatcher, Pool } from "undici";
import { CallFailure } from "./call-failure.ts";
import type { TransportOptions } from "./transport.ts";

/** A call to be made. */
interface UnaryCall {
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  /** Of the reply's body. */
  readonly bytesAtMost: number;
}

/** A whole reply. */
export interface UnaryReply {
  readonly status: number;
  /** "" where there is none. */
  header(name: string): string;
  readonly body: Buffer;
}

/** Connections to one collaborator. */
export interface Connections {
  /** Rejects with a CallFailure. */
  send(call: UnaryCall): Promise<UnaryReply>;
  /** Closes all; calls under way are broken. */
  close(): void;
}

const IDLE_MS = 30_000;
const THRESHOLD_MS = 1_000;
const CONNECT_AT_MOST_MS = 3_000;
const BROKEN_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);
const INFORMATIONAL = 200;

/** Makes the connections to an origin; the first one is opened by the first call. */
export function openConnections(
  origin: string,
  { connections, timeoutMs }: Pick<TransportOptions, "connections" | "timeoutMs">,
): Connections {
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    // What the collaborator says, less that.
    keepAliveTimeoutThreshold: THRESHOLD_MS,
    // A call has a deadline of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
    // A place of the pool that waits for a connection is taken, also when its call has ended meanwhile.
    connect: { timeout: Math.min(timeoutMs, CONNECT_AT_MOST_MS) },
    factory: (url, options) => new KeptClient(url, options),
  });
  return {
    async send(call) {
      const endsAtMs = performance.now() + call.timeoutMs;
      const first = new Exchange(call);
      try {
        return await first.on(pool);
      } catch (error) {
        const timeoutMs = endsAtMs - performance.now();
        if (!first.wasStale(error) || timeoutMs <= 0) return throwBroken(error);
        return await new Exchange({ ...call, timeoutMs }).on(pool).catch(throwBroken);
      }
    },
    close: () => void pool.destroy(),
  };
}

/** A connection that tells a call whether it is used once more. */
class KeptClient extends Client {
  #isConnected = false;

  constructor(origin: string | URL, options: object) {
    super(origin, options);
    this.on("connect", () => {
      this.#isConnected = true;
    });
    this.on("disconnect", () => {
      this.#isConnected = false;
    });
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandlers,
  ): boolean {
    if (handler instanceof Exchange) handler.isOnKept = this.#isConnected;
    return super.dispatch(options, handler);
  }
}

/** One try of a call. */
class Exchange implements Dispatcher.DispatchHandlers {
  isOnKept = false;
  readonly #call: UnaryCall;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: readonly Buffer[] = [];
  #settle: { resolve(reply: UnaryReply): void; reject(error: Error): void } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #abort: ((error: Error) => void) | undefined;

  constructor(call: UnaryCall) {
    this.#call = call;
  }

  on(pool: Pool): Promise<UnaryReply> {
    const { path, headers, body, timeoutMs } = this.#call;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      // These timers have one of two lengths: Node keeps a list for each.
      this.#timer = setTimeout(() => this.#end(deadlineExceeded(timeoutMs)), timeoutMs);
      pool.dispatch({ path, method: "POST", headers, body }, this);
    });
  }

  wasStale(error: unknown): boolean {
    return this.isOnKept && this.#status === 0 && BROKEN_CODES.has(codeOf(error));
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    // It waited for a connection longer than it may. To throw ends this call alone; to abort would end the connection too.
    if (this.#settle === undefined) throw deadlineExceeded(this.#call.timeoutMs);
  }

  onHeaders(status: number, headers: Buffer[]): boolean {
    if (status < INFORMATIONAL) return true;
    this.#status = status;
    this.#headers = headers;
    return true;
  }

  onData(part: Buffer): boolean {
    this.#bytes += part.length;
    const { bytesAtMost } = this.#call;
    if (this.#bytes > bytesAtMost) this.#end(replyTooLarge(bytesAtMost));
    else this.#parts.push(part);
    return true;
  }

  onComplete(): void {
    const [first] = this.#parts;
    const body =
      this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts);
    const header = (name: string) => headerOf(this.#headers, name);
    clearTimeout(this.#timer);
    this.#settle?.resolve({ status: this.#status, header, body });
    this.#settle = undefined;
  }

  onError(error: Error): void {
    clearTimeout(this.#timer);
    this.#settle?.reject(error);
    this.#settle = undefined;
  }

  /** Ends it from here; its connection is closed. */
  #end(error: CallFailure): void {
    this.onError(error);
    this.#abort?.(error);
  }
}

/** The first value of a header; names and values come in turn. */
function headerOf(headers: readonly Buffer[], name: string): string {
  const at = headers.findIndex(
    (each, place) =>
      place % 2 === 0 &&
      each.length === name.length &&
      each.toString("latin1").toLowerCase() === name,
  );
  return at < 0 ? "" : (headers[at + 1]?.toString("latin1") ?? "");
}

function throwBroken(error: unknown): never {
  if (error instanceof CallFailure) throw error;
  const text = `no answer: ${reasonOf(error)}`;
  throw new CallFailure(text, { kind: "broken", code: Code.Unavailable, cause: error });
}

/** Node's codes are words of the field; those of the library are not. */
function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== "" && !code.startsWith("UND_")) return code;
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error && "code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

function deadlineExceeded(timeoutMs: number): CallFailure {
  const message = `no answer within ${Math.round(timeoutMs)} ms`;
  return new CallFailure(message, { kind: "broken", code: Code.DeadlineExceeded });
}

function replyTooLarge(bytesAtMost: number): CallFailure {
  const message = `the reply has more than ${bytesAtMost} bytes`;
  return new CallFailure(message, { kind: "unreadable", code: Code.OutOfRange });
}
