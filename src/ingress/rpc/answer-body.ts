/**
 * Puts the bytes of an answer into the response that Connect made for the empty message.
 * Boundary: envelopes and compressions of unary answers in the three protocols; the bytes are made by the interceptor.
 * Why: Connect encodes messages by the library alone, which loses keys of payloads and holds the event loop for seconds.
 */
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { COMPRESSED_FROM_BYTES, compressionOf } from "./compressions.ts";
import { bytesOf } from "./decoding-faults.ts";
import { COMPRESSED_FLAG, ENVELOPE_HEADER_BYTES, isEnveloped } from "./request-body.ts";

const WHOLE = { accepted: "accept-encoding", encoding: "content-encoding" };
const ENVELOPED = { accepted: "grpc-accept-encoding", encoding: "grpc-encoding" };

/** The response with the answer in it; `asked` are the headers of its request. */
export async function putAnswer(
  made: UniversalServerResponse,
  answer: Uint8Array,
  asked: Headers,
): Promise<UniversalServerResponse> {
  const header = new Headers(made.header);
  const enveloped = isEnveloped(header);
  const names = enveloped ? ENVELOPED : WHOLE;
  const { bytes, encoding } = await compressed(answer, asked.get(names.accepted));
  if (encoding !== undefined) header.set(names.encoding, encoding);
  if (!enveloped) {
    header.set("content-length", String(bytes.byteLength));
    return { ...made, header, body: createAsyncIterable([bytes]) };
  }
  const sent = Buffer.from(await bytesOf(made));
  // In gRPC-Web the trailers stand behind the message.
  const rest = sent.subarray(ENVELOPE_HEADER_BYTES + sent.readUInt32BE(1));
  const envelope = encodeEnvelope(encoding === undefined ? 0 : COMPRESSED_FLAG, bytes);
  return { ...made, header, body: createAsyncIterable<Uint8Array>([envelope, rest]) };
}

/** The bytes of an answer as its caller takes them; `encoding` is unset where they are not compressed. */
export async function compressed(
  answer: Uint8Array,
  accepted: string | null,
): Promise<{ bytes: Uint8Array; encoding?: string }> {
  const compression = acceptedBy(accepted, answer);
  if (compression === undefined) return { bytes: answer };
  return { bytes: await compression.compress(answer), encoding: compression.name };
}

/** The headers of a request without what its caller takes compressed: Connect leaves that to us. */
export function withoutAccepted(header: Headers): Headers {
  const left = new Headers(header);
  for (const { accepted } of [WHOLE, ENVELOPED]) left.delete(accepted);
  return left;
}

/** The first one that the caller names, as Connect chooses too. */
function acceptedBy(accepted: string | null, { byteLength }: Uint8Array) {
  if (byteLength < COMPRESSED_FROM_BYTES) return undefined;
  for (const each of (accepted ?? "").split(",")) {
    const [name = "", weight = ""] = each.split(";").map((part) => part.trim());
    const compression = compressionOf(name);
    if (compression !== undefined && !/^q=0(\.0*)?$/.test(weight)) return compression;
  }
  return undefined;
}
