/**
 * What the clients ask of a protocol: one unary call with bytes that were made before.
 * Boundary: implemented by connect-transport.ts and framed-transport.ts.
 */
import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";

/** Where and how a collaborator is reached. */
export interface TransportOptions {
  readonly baseUrl: string;
  /** Per call, from its send to the end of the reply, where the call names no shorter one. */
  readonly timeoutMs: number;
  /** Connections kept open at most. */
  readonly connections: number;
  /** Within this time a connection of HTTP/2 that has been silent answers a ping, or is closed; 5 s unless given. */
  readonly pingTimeoutMs?: number;
}

/** A way to one collaborator. */
export interface Transport {
  /** Sends the request's bytes. Rejects with CallFailure only. */
  send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: Uint8Array,
    headers: Readonly<Record<string, string>>,
    timeoutMs?: number,
  ): Promise<MessageShape<O>>;
  /** Closes all connections; calls under way are broken. */
  close(): void;
}

/** Bytes of a reply at most; the payload in it has its own, lower limit. */
export const MAX_REPLY_BYTES = 1024 * 1024;
