/**
 * The stream that the service publishes to, and one replica's connection to it: repeats are recognised by their id.
 * Boundary: as much of a NATS connection as the publisher uses.
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "nats";
import type { Link, LinkWorld } from "./link.ts";

/** The name of the stream in every world. */
export const OWN_STREAM = "WORKFLOWS";
/** Limits that the stream was made with. */
export const OWN_LIMITS = { maxAgeMs: 0, replicas: 1 };

// The client draws random numbers for its first inbox: not in a world, whose course would be another one then.
createInbox();

/** The stream's messages, by their ids, in order. */
export class OwnStream {
  readonly ids: string[] = [];
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

/** A connection of one replica. */
export function connectStream(world: LinkWorld, stream: OwnStream, link: Link): NatsConnection {
  let listener: Callback | undefined;

  async function send(reply: string, id: string): Promise<void> {
    await link.pass();
    if (link.unlucky("messages")) return;
    const stored = stream.store(id);
    world.witness.note(link.replica, "stored", id);
    world.reach("after a message was stored", link.replica);
    await link.pass();
    if (link.unlucky("messages")) {
      world.witness.count("lost acknowledgement of an event");
      return;
    }
    const ack = JSON.stringify({ stream: OWN_STREAM, ...stored });
    listener?.(null, { subject: reply, string: () => ack } as Msg);
  }

  const info = async () => {
    await link.pass();
    const config = { name: OWN_STREAM, max_age: 0, max_bytes: -1, num_replicas: 1 };
    return { config, created: "2026-01-01T00:00:00Z", state: { last_seq: stream.ids.length } };
  };
  const connection = {
    isClosed: () => false,
    async *status() {
      await new Promise(() => {});
    },
    subscribe(_subject: string, { callback }: { callback: Callback }) {
      listener = callback;
      return { unsubscribe: () => undefined };
    },
    publish(_subject: string, _body: unknown, options: { headers: MsgHdrs; reply: string }) {
      void send(options.reply, options.headers.get("Nats-Msg-Id"));
    },
    jetstreamManager: async () => ({ streams: { info } }),
  };
  return connection as unknown as NatsConnection;
}
