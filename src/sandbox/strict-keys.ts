/**
 * Idempotency keys as strictly as the platform's own services keep them, with all their edges.
 *
 * Boundary: sits before the RPCs and sees bytes; what a call means is not known here.
 *
 * Invariants:
 * 1. A key belongs to one method, path and raw body. Anything else under it is a conflict.
 * 2. The first answer is kept whatever it says, a failure too, and given again marked
 *    `X-Idempotent-Replay: true`: its status, content type and body, and nothing besides.
 * 3. A call that dies leaves its key pending: a conflict until the key expires.
 */
import { createHash } from "node:crypto";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { remember } from "./stage.ts";

/** Answers a call, or gives an answer that is kept. Rejects as `call` does. */
export type KeyedAnswer = (
  request: UniversalServerRequest,
  call: (request: UniversalServerRequest) => Promise<UniversalServerResponse>,
) => Promise<UniversalServerResponse>;

interface Kept {
  readonly hash: string;
  readonly untilMs: number;
  /** Undefined while the first call is pending. */
  answer?: { readonly status: number; readonly contentType: string; readonly body: Uint8Array };
}

const DAY_MS = 24 * 60 * 60 * 1000;
const CONFLICT = 409;

/** An empty store of keys, each kept for `keptMs`. */
export function keepKeysStrictly(keptMs = DAY_MS): KeyedAnswer {
  const keys = new Map<string, Kept>();
  return async (request, call) => {
    const key = request.header.get("idempotency-key");
    if (key === null) return call(request);
    const body = await readBytes(request.body);
    const hash = hashOf(request, body);
    const known = keys.get(key);
    if (known !== undefined && known.untilMs > performance.now()) return answerAgain(known, hash);
    const kept: Kept = { hash, untilMs: performance.now() + keptMs };
    keys.delete(key);
    remember(keys, key, kept);
    const answer = await call({ ...request, body: oneChunk(body) });
    const answerBody = await readBytes(answer.body);
    const contentType = answer.header?.get("content-type") ?? "";
    kept.answer = { status: answer.status, contentType, body: answerBody };
    return { ...answer, body: oneChunk(answerBody) };
  };
}

function answerAgain({ hash, answer }: Kept, wanted: string): UniversalServerResponse {
  if (hash !== wanted) return conflict("idempotency_key_reused");
  if (answer === undefined) return conflict("idempotency_key_in_progress");
  const header = new Headers({ "x-idempotent-replay": "true" });
  if (answer.contentType !== "") header.set("content-type", answer.contentType);
  return { status: answer.status, header, body: oneChunk(answer.body) };
}

/** Plain JSON, for the layer knows nothing of the protocols behind it. */
function conflict(error: string): UniversalServerResponse {
  const header = new Headers({ "content-type": "application/json" });
  const body = new TextEncoder().encode(JSON.stringify({ error }));
  return { status: CONFLICT, header, body: oneChunk(body) };
}

function hashOf({ method, url }: UniversalServerRequest, body: Uint8Array): string {
  const head = `${method} ${new URL(url).pathname}\n`;
  return createHash("sha256").update(head).update(body).digest("hex");
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** All of a body. */
export async function readBytes(
  body: UniversalServerRequest["body"] | undefined,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  if (isStream(body)) for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// Only frameworks that parse JSON by themselves hand in anything else; Node's server does not.
function isStream(
  body: UniversalServerRequest["body"] | undefined,
): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
