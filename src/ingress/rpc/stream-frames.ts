/**
 * The messages of a stream as bytes, in as few chunks as they can be sent in.
 * Boundary: envelopes, which the three protocols share; header and end are Connect's.
 * Why: Connect takes each message through a pipeline of generators and writes it by itself, which takes twice the CPU.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { nextRound, ROUND_MS } from "../../process/rounds.ts";
import { encodeMessage, messageToJson } from "../../wire/proto/messages.ts";

/** A stream on its way. */
export interface Frames {
  readonly frames: AsyncIterable<Uint8Array>;
  /** Resolves when the stream is over, or nobody takes it; rejects with what it failed by, translated. */
  readonly ended: Promise<void>;
}

const CHUNK_BYTES = 64 * 1024;
/** A message that several streams have is put into its envelope once. */
const enveloped = {
  json: new WeakMap<Message, Uint8Array>(),
  binary: new WeakMap<Message, Uint8Array>(),
};
/**
 * So many chunks are sent without a wait: the first messages of a stream are what its caller waits for. Those that come soon after
 * another one go out with a round: HTTP/2 writes what all streams of a connection send in one turn at once, and a write costs more
 * than the messages in it.
 */
const FIRST_CHUNKS = 2;

/**
 * Begins when it is read. What is ready in one turn of the event loop goes out in one chunk, of about 64 KiB at most; what comes
 * soon after a chunk waits for the next one, unless the stream ends. `translate` gives the error that the caller gets.
 */
export function framesOf(
  messages: AsyncIterable<Message>,
  envelopeOf: (message: Message) => Uint8Array,
  translate: (thrown: unknown) => unknown,
): Frames {
  let end = (_error?: unknown) => {};
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
  });
  // Where the caller has gone, nothing awaits it, and a rejection must not count as unhandled.
  ended.catch(() => {});
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const source = messages[Symbol.asyncIterator]();
    let sent = 0;
    let sentMs = 0;
    try {
      let next = nextOf(source);
      for (let first = await next; first.done !== true; first = await next) {
        const envelopes: Uint8Array[] = [];
        let bytes = 0;
        const isEarly = performance.now() - sentMs < ROUND_MS;
        const due = sent >= FIRST_CHUNKS && isEarly ? nextRound() : endOfTurn();
        let ready: IteratorResult<Message> | undefined = first;
        while (ready !== undefined && ready.done !== true) {
          const envelope = envelopeOf(ready.value);
          bytes += envelope.byteLength;
          envelopes.push(envelope);
          next = nextOf(source);
          // A failure is thrown by the next await, after the messages that are ready are sent.
          const soon = bytes < CHUNK_BYTES ? Promise.race([next, due]) : undefined;
          ready = await soon?.catch(() => undefined);
        }
        sent += 1;
        sentMs = performance.now();
        const [only] = envelopes;
        yield envelopes.length === 1 && only !== undefined ? only : Buffer.concat(envelopes);
      }
    } catch (thrown) {
      end(translate(thrown));
    } finally {
      end();
      source.return?.().catch(() => {});
    }
  }
  return { frames: chunks(), ended };
}

/** The message as its caller reads it. */
export function encodeAnswer(desc: DescMessage, message: Message, asJson: boolean): Uint8Array {
  if (!asJson) return encodeMessage(desc, message);
  return Buffer.from(JSON.stringify(messageToJson(desc, message)));
}

/** The message in its envelope, the same bytes for each stream that has it. */
export function envelopeOf(desc: DescMessage, message: Message, asJson: boolean): Uint8Array {
  const known = asJson ? enveloped.json : enveloped.binary;
  const made = known.get(message) ?? encodeEnvelope(0, encodeAnswer(desc, message, asJson));
  known.set(message, made);
  return made;
}

/** The next message, which may fail while nobody waits for it yet. */
function nextOf(source: AsyncIterator<Message>): Promise<IteratorResult<Message>> {
  const next = source.next();
  next.catch(() => {});
  return next;
}

/** Resolves in the next turn of the event loop. */
function endOfTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}
