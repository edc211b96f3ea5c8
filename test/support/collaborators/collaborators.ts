/**
 * Collaborators of a test's own: a Connect server whose answers the test decides, with a ledger of what was asked.
 * Boundary: real HTTP on a free port; honours nothing by itself, not even the Idempotency-Key.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** One request as it came. */
export interface AskedOnce {
  /** Such as `/objectives.v1.ObjectiveService/Create`. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** An answer: a message, an error in Connect's form, any HTTP answer, or none at all. */
export type Answer =
  | { readonly body: Uint8Array }
  | {
      readonly status: number;
      readonly json?: object;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | "hang"
  | "reset"
  /** The head and a part of the body; then the connection is reset. */
  | "reset in body";

/** A running server. */
export interface TestCollaborator {
  readonly url: string;
  readonly asked: AskedOnce[];
  stop(): Promise<void>;
}

/** A message as an answer. */
export function messageOf<Schema extends DescMessage>(
  schema: Schema,
  value: MessageInitShape<Schema>,
): Answer {
  return { body: toBinary(schema, create(schema, value)) };
}

/** Starts a server that answers each request as `answer` says; `n` counts the requests from 1. */
export async function startCollaborator(
  answer: (asked: AskedOnce, n: number) => Answer | Promise<Answer>,
): Promise<TestCollaborator> {
  const asked: AskedOnce[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const once = {
      path: request.url ?? "",
      headers: request.headers,
      body: Buffer.concat(chunks),
    };
    asked.push(once);
    reply(await answer(once, asked.length), response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function reply(answer: Answer, response: ServerResponse): void {
  if (answer === "hang") return;
  if (answer === "reset") {
    response.destroy();
    return;
  }
  if (answer === "reset in body") {
    const socket = response.socket;
    response.writeHead(200, { "content-type": "application/proto", "content-length": 100 });
    response.write(Buffer.alloc(50), () => socket?.resetAndDestroy());
    return;
  }
  if ("body" in answer) {
    response.writeHead(200, { "content-type": "application/proto" }).end(answer.body);
    return;
  }
  const headers = { "content-type": "application/json", ...answer.headers };
  response.writeHead(answer.status, headers).end(JSON.stringify(answer.json ?? {}));
}
