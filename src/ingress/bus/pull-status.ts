/** Where the loop of a source stands; every change is one line of the log. */
import type { Log } from "../../process/log.ts";
import type { ConsumerPlan } from "./sources.ts";

/** `waiting`: the stream is missing. */
export type PullState = "starting" | "pulling" | "waiting" | "failing";

/** See the file's head. */
export class PullStatus {
  readonly #plan: ConsumerPlan;
  readonly #log: Log;
  #state: PullState = "starting";

  constructor(plan: ConsumerPlan, log: Log) {
    this.#plan = plan;
    this.#log = log;
  }

  get state(): PullState {
    return this.#state;
  }

  become(next: PullState, error?: unknown): void {
    if (this.#state === next) return;
    this.#state = next;
    const { durable, stream } = this.#plan;
    const facts = { consumer: durable, stream, ...(error ? { error } : {}) };
    if (next === "pulling") this.#log.info("listening to a source", facts);
    if (next === "waiting") this.#log.warn("waiting for a source stream that is missing", facts);
    if (next === "failing") this.#log.warn("a source cannot be read; tried again", facts);
  }
}
