/**
 * The bus that events come from: each message is delivered to one replica, and again until it is acknowledged; some come
 * twice, late, or in another order.
 * Boundary: messages as the service's own handler of batches takes them (ingress/bus/handle-batch.ts).
 */
import type { JsMsg } from "nats";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { ENCODINGS } from "../builders/written-events.ts";
import type { EffectRules } from "./effect-rules.ts";
import type { Link, LinkWorld } from "./link.ts";

/** Who takes messages. */
export interface BusMember {
  readonly link: Link;
  handle(messages: readonly JsMsg[]): void;
  /** Takes results of workers. */
  handleResults(messages: readonly JsMsg[]): void;
}

/** What the bus works with. */
export interface BusWorld extends LinkWorld {
  readonly members: readonly BusMember[];
  readonly effects: Pick<EffectRules, "judgeAcknowledged">;
  readonly plan: { readonly gatherMs: number };
}

/** What is delivered; messages of results have no headers. */
interface Content {
  readonly subject: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

interface Message extends Content {
  readonly seq: number;
  /** Judges its acknowledgement. */
  readonly judge: () => void;
  deliveries: number;
  isDone: boolean;
}

const ACK_WAIT_MS = 3_000;

/** See the file's head. */
export class EventBus {
  readonly #world: BusWorld;
  readonly #takenBy: "handle" | "handleResults";
  readonly #boxes = new Map<BusMember, JsMsg[]>();
  readonly #open = new Set<number>();
  #published = 0;

  constructor(world: BusWorld, takenBy: "handle" | "handleResults" = "handle") {
    this.#world = world;
    this.#takenBy = takenBy;
  }

  /** Messages without an acknowledgement. */
  get open(): number {
    return this.#open.size;
  }

  /** Tells later whether all that is published by now has been acknowledged. */
  mark(): () => boolean {
    const upTo = this.#published;
    return () => [...this.#open].every((seq) => seq > upTo);
  }

  /** Publishes an event; its id is given where it may come twice under one id. */
  publish(
    subject: string,
    workspaceId: string,
    data: JsonObject,
    more: { readonly id?: string; readonly type?: string; readonly about?: string } = {},
  ): void {
    this.#published += 1;
    const { id = `ev-${this.#published}`, type = subject, about } = more;
    const event = { id, type, workspaceId, data: { json: data } };
    const written = ENCODINGS["structured JSON"].write(
      about === undefined ? event : { ...event, subject: about },
    );
    const isTwice = this.#world.random.below(1000) < 2 * this.#world.troubles.messages;
    const judge = () => this.#world.effects.judgeAcknowledged({ id, subject, data });
    for (let copies = isTwice ? 2 : 1; copies > 0; copies -= 1) {
      this.deliver({ subject, ...written }, judge);
    }
    if (isTwice) this.#world.witness.count("repeated event");
  }

  /** Delivers a message until it is acknowledged; `judge` is called at each acknowledgement. */
  deliver(content: Content, judge: () => void): void {
    this.#published += 1;
    this.#open.add(this.#published);
    const message = { ...content, seq: this.#published, judge, deliveries: 0, isDone: false };
    this.#deliverAfter(message, this.#world.random.below(40) / 10);
  }

  #deliverAfter(message: Message, delayMs: number): void {
    const { random, troubles, clock } = this.#world;
    const lateMs = random.below(1000) < troubles.messages ? random.below(2_000) : 0;
    clock.after(delayMs + lateMs, () => this.#deliver(message));
  }

  #deliver(message: Message): void {
    if (message.isDone) return;
    const { members, random, witness, clock, plan } = this.#world;
    const member = random.pick(members);
    message.deliveries += 1;
    if (message.deliveries > 1) witness.count("redelivered message");
    const due = message.deliveries;
    clock.after(ACK_WAIT_MS, () => {
      if (message.deliveries === due) this.#deliverAfter(message, 0);
    });
    if (member === undefined) return;
    witness.note("bus", message.seq, member.link.replica);
    const box = this.#boxes.get(member);
    if (box !== undefined) {
      box.push(this.#shown(message, member));
      return;
    }
    const gathered = [this.#shown(message, member)];
    this.#boxes.set(member, gathered);
    clock.after(random.below(plan.gatherMs), () => void this.#hand(member, gathered));
  }

  async #hand(member: BusMember, messages: readonly JsMsg[]): Promise<void> {
    this.#boxes.delete(member);
    await member.link.pass();
    member[this.#takenBy](messages);
  }

  #shown(message: Message, { link }: BusMember): JsMsg {
    const { subject, body, seq, deliveries } = message;
    const headers =
      message.headers && Object.entries(message.headers).map(([name, value]) => [name, [value]]);
    const shown = {
      ...{ subject, seq, data: body, headers },
      info: { deliveryCount: deliveries, timestampNanos: 0 },
      ack: () => void this.#settle(message, link),
      nak: (restMs = 0) => {
        message.deliveries += 1;
        this.#deliverAfter(message, restMs);
      },
      term: () => this.#world.broken(`message ${seq} was put aside`),
    };
    return shown as unknown as JsMsg;
  }

  async #settle(message: Message, link: Link): Promise<void> {
    message.judge();
    this.#world.reach("before an acknowledgement", link.replica);
    await link.pass();
    if (message.isDone || link.unlucky("messages")) return;
    message.isDone = true;
    this.#open.delete(message.seq);
  }
}
