/**
 * Messages that were sent and are not answered yet, and which sequences of the stream their answers named.
 * Boundary: knows tokens and times; acked-publish.ts sends and listens.
 */
import type { PublishOutcome, StreamAnswer } from "./stream-answer.ts";

/** Sequences of the stream that were acknowledged. */
export interface AckedSequences {
  /** 0 before the first. */
  readonly highest: number;
  /**
   * The lowest that was given to a message although a higher one had been acknowledged before it was sent: the stream
   * went back. Infinity: none.
   */
  readonly repeated: number;
}

const ACK_TIMEOUT_MS = 2_000;
const SWEEP_EVERY_MS = 250;
const NOTHING_ACKED: AckedSequences = { highest: 0, repeated: Number.POSITIVE_INFINITY };

interface Awaited {
  readonly sentAtMs: number;
  /** The highest sequence that was acknowledged when it was sent. */
  readonly after: number;
  resolve(outcome: PublishOutcome): void;
  readonly onStored: ((seq: number) => void) | undefined;
}

/** See the file's head. */
export class AwaitedAnswers {
  // In order of sending, so the first is the one that has waited longest.
  readonly #awaited = new Map<string, Awaited>();
  #acked = NOTHING_ACKED;
  #refusal = "";
  #sweep: NodeJS.Timeout | undefined;

  get acked(): AckedSequences {
    return this.#acked;
  }
  forgetAcked(): void {
    this.#acked = NOTHING_ACKED;
  }
  /** Why the last message was not stored, in words. */
  get refusal(): string {
    return this.#refusal;
  }

  /** What comes of the message that was just sent; `lost` after 2 s. */
  wait(token: string, onStored?: (seq: number) => void): Promise<PublishOutcome> {
    return new Promise((resolve) => {
      const after = this.#acked.highest;
      this.#awaited.set(token, { sentAtMs: performance.now(), after, resolve, onStored });
      this.#watch();
    });
  }
  /** Takes an answer; one that is not awaited any more still says why. */
  take(token: string, answer: StreamAnswer): void {
    if (answer.refusal !== undefined) this.#refusal = answer.refusal;
    const awaited = this.#awaited.get(token);
    const after = awaited?.after;
    if (answer.seq !== undefined) awaited?.onStored?.(answer.seq);
    if (answer.seq !== undefined && after !== undefined) {
      const { highest, repeated } = this.#acked;
      const isBack = !answer.isRepeat && answer.seq <= after;
      this.#acked = {
        highest: Math.max(highest, answer.seq),
        repeated: isBack ? Math.min(repeated, answer.seq) : repeated,
      };
    }
    this.#settle(token, answer.outcome);
  }
  /** Settles all as lost. */
  stop(): void {
    clearTimeout(this.#sweep);
    for (const token of [...this.#awaited.keys()]) this.#settle(token, "lost");
  }

  #settle(token: string, outcome: PublishOutcome): void {
    const entry = this.#awaited.get(token);
    this.#awaited.delete(token);
    if (outcome === "lost") this.#refusal = `no acknowledgement within ${ACK_TIMEOUT_MS} ms`;
    entry?.resolve(outcome);
  }
  // One timer for all that is awaited, and none while nothing is.
  #watch(): void {
    this.#sweep ??= setTimeout(() => {
      this.#sweep = undefined;
      const latest = performance.now() - ACK_TIMEOUT_MS;
      for (const [token, entry] of this.#awaited) {
        if (entry.sentAtMs > latest) break;
        this.#settle(token, "lost");
      }
      if (this.#awaited.size > 0) this.#watch();
    }, SWEEP_EVERY_MS);
  }
}
