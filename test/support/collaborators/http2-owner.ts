/**
 * An owner of objectives that speaks gRPC, and whose streams and sessions end as the test decides.
 * Boundary: real HTTP/2 on a free port. It makes one objective for each Idempotency-Key, and keeps what was asked.
 */
import { createServer, type Http2Session, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { CreateResponseSchema } from "../../../gen/objectives/v1/objectives_pb.ts";

/** One request that was read whole. */
export interface AskedStream {
  readonly key: string;
  readonly body: Buffer;
  readonly atMs: number;
  readonly stream: ServerHttp2Stream;
  readonly session: Http2Session;
  /** Which session it came by, from 1. */
  readonly sessionNumber: number;
  /** Makes the objective, if its key is new, and answers. */
  answer(): void;
  /** Makes the objective and sends the head and half of the answer; `then` comes when they were read by the caller. */
  answerHalf(then: () => void): void;
  /** Ends the connection as a crash does. */
  reset(): void;
}

/** A running server. */
export interface Http2Owner {
  readonly url: string;
  readonly asked: readonly AskedStream[];
  /** The objectives, by the key that each was made under. */
  readonly made: ReadonlyMap<string, string>;
  stop(): Promise<void>;
}

const HEAD = { ":status": 200, "content-type": "application/grpc+proto" };

/** Starts it; `meet` is told of each request once it was read, `n` counts them from 1. */
export async function startHttp2Owner(
  meet: (asked: AskedStream, n: number) => void,
): Promise<Http2Owner> {
  const asked: AskedStream[] = [];
  const made = new Map<string, string>();
  const sockets = new Set<Socket>();
  const framesOf = new WeakMap<Http2Session, { number: number; socket: Socket }>();
  const http2 = createServer();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    http2.once("session", (session) => framesOf.set(session, { number: sockets.size, socket }));
    http2.emit("connection", socket);
  });
  http2.on("sessionError", () => {});
  http2.on("stream", async (stream, headers) => {
    // The caller may go first.
    stream.on("error", () => {});
    const { session } = stream;
    const place = session && framesOf.get(session);
    if (session === undefined || place === undefined) throw new Error("a stream without a session");
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const key = String(headers["idempotency-key"]);
    const makeOnce = () => {
      const id = made.get(key) ?? `obj_${made.size + 1}`;
      made.set(key, id);
      return frameOf(id);
    };
    const once: AskedStream = {
      ...{ key, body: Buffer.concat(chunks), atMs: performance.now(), stream, session },
      sessionNumber: place.number,
      answer() {
        stream.respond(HEAD, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(makeOnce());
      },
      answerHalf(then) {
        const frame = makeOnce();
        stream.respond(HEAD, { waitForTrailers: true });
        // Frames come in order: who has acknowledged the ping has read the half.
        stream.write(frame.subarray(0, frame.length / 2), () => session.ping(then));
      },
      reset: () => void place.socket.resetAndDestroy(),
    };
    asked.push(once);
    meet(once, asked.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    made,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const FRAME_HEAD_BYTES = 5;

/** The answer as gRPC frames it. */
function frameOf(id: string): Buffer {
  const message = toBinary(
    CreateResponseSchema,
    create(CreateResponseSchema, { objective: { id } }),
  );
  const frame = Buffer.alloc(FRAME_HEAD_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEAD_BYTES);
  return frame;
}
