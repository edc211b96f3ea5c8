/**
 * One POST of JSON over a connection of its own, with a small answer.
 * Boundary: sends and says what came; what it means is the caller's.
 * Invariants:
 * 1. The whole takes `withinMs` at most, and no more than ANSWER_BYTES are read. Redirects are not followed.
 * 2. The address that was judged to be public is the one that is connected to. A host that is an address itself stands in the
 *    operator's list as such.
 * 3. No failure holds a URL.
 */
import http from "node:http";
import https from "node:https";
import { lookupPublic, PRIVATE_ADDRESS } from "../process/public-addresses.ts";

/** What is sent. */
interface JsonPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly withinMs: number;
}

const ANSWER_BYTES = 16 * 1024;

/** Sends it; rejects with an Error whose message says why in a few words. */
export async function postJson({
  url,
  headers,
  body,
  withinMs,
}: JsonPost): Promise<{ readonly status: number; readonly text: string }> {
  const signal = AbortSignal.timeout(withinMs);
  try {
    const response = await answered(url, headers, body, signal);
    const read: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response) {
      bytes += chunk.byteLength;
      if (bytes > ANSWER_BYTES) throw new Error(`its answer has more than ${ANSWER_BYTES} bytes`);
      read.push(chunk);
    }
    return { status: response.statusCode ?? 0, text: Buffer.concat(read).toString("utf8") };
  } catch (error) {
    throw signal.aborted
      ? new Error(`it gave no answer within ${withinMs / 1_000} s`)
      : inWords(error);
  }
}

function answered(
  url: string,
  headers: JsonPost["headers"],
  body: Uint8Array,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (new URL(url).protocol === "https:" ? https : http).request(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        "content-length": body.byteLength,
      },
      ...{ signal, agent: false, lookup: lookupPublic },
    });
    request.once("response", resolve);
    request.on("error", reject);
    request.end(body);
  });
}

function inWords(error: unknown): Error {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  if (code === PRIVATE_ADDRESS) return new Error("its host has an address that is not public");
  if (typeof code === "string") return new Error(`it cannot be reached (${code})`);
  return error instanceof Error ? error : new Error("the connection failed");
}
