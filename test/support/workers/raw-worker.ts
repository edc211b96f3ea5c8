/**
 * A worker in plain Node over a TCP socket: NATS by hand, written from docs/worker-protocol.md alone.
 * Boundary: imports nothing of the project and no package. One task after another, no heartbeat timer: the test says when.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** A task as it comes over the wire. */
interface RawTask {
  readonly id: string;
  readonly run_id: string;
  readonly step_id: string;
  readonly attempt: number;
  readonly idempotency_key: string;
  readonly action_type: string;
  readonly input: Record<string, unknown>;
  readonly parameters: Record<string, unknown>;
  readonly traceparent: string;
  readonly queued_at: string;
}

/** A message of tasks, with the subject of its acknowledgement. */
export interface RawMessage {
  readonly reply: string;
  readonly tasks: RawTask[];
}

interface Delivered {
  readonly subject: string;
  readonly reply: string;
  /** Status of a message without body: "404", "408", "503"; "". */
  readonly status: string;
  readonly body: string;
}

type Listener = (message: Delivered) => void;

/** The worker's connection. */
export interface RawWorker {
  /** Makes the consumer, as the page says. */
  prepare(): Promise<void>;
  /** The next messages, `count` at most, within a second. */
  pull(count: number): Promise<RawMessage[]>;
  ack(message: RawMessage): void;
  /** Publishes on the subject of results and resolves with JetStream's acknowledgement. */
  report(message: unknown, messageId?: string): Promise<{ stream: string; duplicate?: boolean }>;
  reportText(text: string): Promise<unknown>;
  heartbeat(fields: object): void;
  /** Which of these are open. */
  open(ids: readonly string[]): Promise<string[]>;
  /** Ids of tasks that were cancelled so far. */
  readonly cancelled: string[];
  /** Ends the connection at once, as a process that dies does. */
  kill(): void;
}

/** Connects to `url` as a worker of the queue whose tokens are given. */
export async function connectRawWorker(
  url: string,
  { workspace, queue }: { readonly workspace: string; readonly queue: string },
): Promise<RawWorker> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const listeners = new Map<string, Listener>();
  await readInto(socket, listeners);
  const inbox = `_INBOX.${randomBytes(8).toString("hex")}`;
  const waiting = new Map<string, Listener>();
  const cancelled: string[] = [];
  let next = 0;
  listen("1", `${inbox}.*`, (message) => waiting.get(message.subject)?.(message));
  listen("2", `workflows.cancels.${workspace}.${queue}`, ({ body }) => {
    cancelled.push(...JSON.parse(body).tasks);
  });
  const consumer = `${workspace}=${queue}`;

  function listen(id: string, subject: string, listener: Listener): void {
    listeners.set(id, listener);
    socket.write(`SUB ${subject} ${id}\r\n`);
  }

  function publish(subject: string, body: string, reply = "", head = ""): void {
    const text = Buffer.from(body);
    if (head === "") {
      socket.write(Buffer.concat([line(`PUB ${subject} ${reply} ${text.length}`), text, line("")]));
      return;
    }
    const headers = Buffer.from(`NATS/1.0\r\n${head}\r\n\r\n`);
    const sizes = `${headers.length} ${headers.length + text.length}`;
    const first = line(`HPUB ${subject} ${reply} ${sizes}`);
    socket.write(Buffer.concat([first, headers, text, line("")]));
  }

  function request(subject: string, body: unknown, head = ""): Promise<Delivered> {
    next += 1;
    const reply = `${inbox}.${next}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no reply on ${subject}`)), 5_000);
      waiting.set(reply, (message) => {
        clearTimeout(timer);
        waiting.delete(reply);
        resolve(message);
      });
      publish(subject, typeof body === "string" ? body : JSON.stringify(body), reply, head);
    });
  }

  return {
    cancelled,
    async prepare() {
      const config = {
        durable_name: consumer,
        filter_subject: `workflows.tasks.${workspace}.${queue}`,
        ack_policy: "explicit",
        ack_wait: 10_000_000_000,
        max_deliver: -1,
        max_ack_pending: 10_000,
        deliver_policy: "all",
      };
      const made = await request(`$JS.API.CONSUMER.DURABLE.CREATE.WORKFLOWS_TASKS.${consumer}`, {
        stream_name: "WORKFLOWS_TASKS",
        config,
      });
      const { error } = JSON.parse(made.body);
      if (error !== undefined) throw new Error(error.description);
    },
    pull(count) {
      next += 1;
      const reply = `${inbox}-pull.${next}`;
      const messages: RawMessage[] = [];
      return new Promise((resolve) => {
        const id = `pull-${next}`;
        const timer = setTimeout(() => end(), 2_000);
        const end = () => {
          clearTimeout(timer);
          listeners.delete(id);
          socket.write(`UNSUB ${id}\r\n`);
          resolve(messages);
        };
        // A delivered message has the subject of its task, so each pull has a subscription of its own.
        listen(id, reply, (message) => {
          if (message.status !== "") return end();
          messages.push({ reply: message.reply, tasks: JSON.parse(message.body).tasks });
          if (messages.length === count) end();
        });
        const body = JSON.stringify({ batch: count, expires: 1_000_000_000 });
        publish(`$JS.API.CONSUMER.MSG.NEXT.WORKFLOWS_TASKS.${consumer}`, body, reply);
      });
    },
    ack: ({ reply }) => publish(reply, "+ACK"),
    async report(message, messageId = randomBytes(8).toString("hex")) {
      const subject = `workflows.results.${workspace}.${queue}`;
      const { body } = await request(subject, message, `Nats-Msg-Id: ${messageId}`);
      return JSON.parse(body);
    },
    reportText: (text) => request(`workflows.results.${workspace}.${queue}`, text),
    heartbeat(fields) {
      publish(`workflows.workers.${workspace}.${queue}`, JSON.stringify(fields));
    },
    async open(ids) {
      const { body } = await request(`workflows.open.${workspace}.${queue}`, { ids });
      return JSON.parse(body).open;
    },
    kill: () => socket.destroy(),
  };
}

function line(text: string): Buffer {
  return Buffer.from(`${text}\r\n`);
}

/** Reads the server's lines into the listeners; resolves once it has said hello. */
function readInto(socket: Socket, listeners: ReadonlyMap<string, Listener>): Promise<void> {
  let buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      buffer = Buffer.concat([buffer, chunk]);
      for (;;) {
        const end = buffer.indexOf("\r\n");
        if (end < 0) return;
        const words = buffer.subarray(0, end).toString().split(/ +/);
        const [verb = ""] = words;
        const size = verb === "MSG" || verb === "HMSG" ? Number(words.at(-1)) : -1;
        const whole = end + 2 + (size < 0 ? 0 : size + 2);
        if (buffer.length < whole) return;
        const payload = buffer.subarray(end + 2, end + 2 + Math.max(0, size));
        buffer = buffer.subarray(whole);
        if (verb === "PING") socket.write("PONG\r\n");
        else if (verb === "INFO") {
          socket.write(
            'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"raw","version":"1"}\r\n',
          );
          resolve();
        } else if (size >= 0) deliver(words, payload, listeners);
      }
    });
  });
}

/** MSG <subject> <sid> [reply] <bytes>, or HMSG <subject> <sid> [reply] <header bytes> <bytes>. */
function deliver(
  words: readonly string[],
  payload: Buffer,
  listeners: ReadonlyMap<string, Listener>,
): void {
  const [verb, subject = "", id = ""] = words;
  const hasHeaders = verb === "HMSG";
  const reply = words.length === (hasHeaders ? 6 : 5) ? (words[3] ?? "") : "";
  const headerBytes = hasHeaders ? Number(words.at(-2)) : 0;
  const head = payload.subarray(0, headerBytes).toString();
  const [, status = ""] = /^NATS\/1\.0 (\d{3})/.exec(head) ?? [];
  const body = payload.subarray(headerBytes).toString();
  listeners.get(id)?.({ subject, reply, status, body });
}
