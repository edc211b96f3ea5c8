/**
 * The stream that the service publishes to, and one replica's connection to it and to the stream of tasks: repeats are recognised
 * by their id.
 * Boundary: as much of a NATS connection as the publishers of events and of tasks use.
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "nats";
import { OUTBOX_HINTS } from "../../../src/egress/publish/outbox-hints.ts";
import { TASKS_STREAM } from "../../../src/wire/tasks/subjects.ts";
import type { Link, LinkWorld } from "./link.ts";
import type { TaskStream } from "./task-stream.ts";

/** The name of the stream in every world. */
export const OWN_STREAM = "WORKFLOWS";
/** Limits that the stream was made with. */
export const OWN_LIMITS = { maxAgeMs: 0, replicas: 1 };

// The client draws random numbers for its first inbox: not in a world, whose course would be another one then.
createInbox();

/** The stream's messages, by their ids, in order. */
export class OwnStream {
  readonly ids: string[] = [];
  /** Who listens to hints of other replicas; each goes over the listener's link. */
  readonly hinted: ((hint: string) => Promise<void>)[] = [];
  readonly #seqs = new Map<string, number>();

  store(id: string): { readonly seq: number; readonly duplicate?: true } {
    const known = this.#seqs.get(id);
    if (known !== undefined) return { seq: known, duplicate: true };
    this.ids.push(id);
    this.#seqs.set(id, this.ids.length);
    return { seq: this.ids.length };
  }
}

type Callback = (error: null, message: Msg) => void;

/** A connection of one replica; `tasks` is there in worlds that have workers. */
export function connectStream(
  world: LinkWorld,
  stream: OwnStream,
  link: Link,
  tasks?: TaskStream,
): NatsConnection {
  const listeners = new Map<string, Callback>();

  async function send(
    reply: string,
    id: string,
    store: () => { readonly seq: number; readonly stream: string; readonly duplicate?: true },
  ): Promise<void> {
    await link.pass();
    if (link.unlucky("messages")) return;
    const stored = store();
    world.witness.note(link.replica, "stored", id);
    world.reach("after a message was stored", link.replica);
    await link.pass();
    if (link.unlucky("messages")) {
      world.witness.count("lost acknowledgement of an event");
      return;
    }
    const ack = JSON.stringify(stored);
    listeners.get(inboxOf(reply))?.(null, { subject: reply, string: () => ack } as Msg);
  }

  /** What has no acknowledgement is lost where something is wrong. */
  async function sendCancel(body: Uint8Array): Promise<void> {
    await link.pass();
    if (!link.unlucky("messages")) tasks?.cancel(body);
  }

  async function sendHint(hint: string): Promise<void> {
    await link.pass();
    for (const listener of stream.hinted) void listener(hint);
  }
  const listenToHints = (callback: Callback) =>
    stream.hinted.push(async (hint) => {
      if (!link.isAlive) return;
      await link.pass();
      if (!link.unlucky("messages")) callback(null, { string: () => hint } as Msg);
    });

  const info = async (name: string) => {
    await link.pass();
    if (name === TASKS_STREAM) return tasks?.info();
    const config = { name: OWN_STREAM, max_age: 0, max_bytes: -1, num_replicas: 1 };
    return { config, created: "2026-01-01T00:00:00Z", state: { last_seq: stream.ids.length } };
  };
  const getMessage = async (_stream: string, { seq }: { readonly seq: number }) => {
    await link.pass();
    return tasks?.read(seq);
  };
  const connection = {
    isClosed: () => false,
    async *status() {
      await new Promise(() => {});
    },
    subscribe(subject: string, { callback }: { callback: Callback }) {
      if (subject === OUTBOX_HINTS) listenToHints(callback);
      else listeners.set(inboxOf(subject), callback);
      return { unsubscribe: () => undefined };
    },
    publish(
      subject: string,
      body: Uint8Array | string,
      options?: { headers: MsgHdrs; reply: string },
    ) {
      if (typeof body === "string") {
        void sendHint(body);
        return;
      }
      if (options === undefined) {
        void sendCancel(body);
        return;
      }
      const id = options.headers.get("Nats-Msg-Id");
      const store = () =>
        tasks?.holds(subject)
          ? { stream: TASKS_STREAM, ...tasks.store(id, subject, body) }
          : { stream: OWN_STREAM, ...stream.store(id) };
      void send(options.reply, id, store);
    },
    jetstreamManager: async () => ({ streams: { info, getMessage } }),
  };
  return connection as unknown as NatsConnection;
}

/** The inbox that a subject of answers belongs to. */
function inboxOf(subject: string): string {
  return subject.slice(0, subject.lastIndexOf("."));
}
