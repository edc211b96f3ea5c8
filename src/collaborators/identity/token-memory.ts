/**
 * Callers by their tokens, remembered for a moment: so that a busy caller costs one question in half a minute.
 * A kept token takes 2 us of CPU, a signature 110 us (RS256) or 170 us (ES256; 2026-11-28).
 * Boundary: in memory; who judges a token is given.
 * Invariants:
 * 1. A token is kept as its hash alone. What was refused is kept apart, so that invented tokens evict no valid one.
 * 2. No answer is used for more than 30 s, nor past the end of its token; a refusal for no more than 5 s.
 * 3. While a token is being judged all its calls wait for the same answer. A failure to judge it is not kept.
 */
import { createHash } from "node:crypto";
import { ShortMemory } from "../../process/short-memory.ts";
import type { Caller, Callers } from "./callers.ts";

/** A good token. */
export interface GoodToken {
  readonly caller: Caller;
  /** Milliseconds since the epoch; Infinity when the token has no expiry. */
  readonly expiresAtMs: number;
}

/** Judges a token; undefined: it is not good. Rejects with `unavailable` when it cannot be judged. */
export type JudgeToken = (token: string) => Promise<GoodToken | undefined>;

/** The clocks by which answers grow old. */
export interface Clocks {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Milliseconds since some moment; never set back. */
  steadyMs(): number;
}

/** How long a good token's answer is used, in milliseconds. */
const GOOD_KEPT_MS = 30_000;
/** How long a refused token's is. */
const REFUSED_KEPT_MS = 5_000;

const KEPT_AT_MOST = 10_000;
const THE_CLOCKS: Clocks = { wallMs: () => Date.now(), steadyMs: () => performance.now() };

/** Callers as `judge` knows them, remembered for a moment; `keptAtMost` bounds the good and the refused ones each. */
export function rememberCallers(
  judge: JudgeToken,
  clocks: Clocks = THE_CLOCKS,
  keptAtMost: number = KEPT_AT_MOST,
): Callers {
  const good = new ShortMemory<GoodToken>(GOOD_KEPT_MS, keptAtMost, clocks.steadyMs);
  const refused = new ShortMemory<true>(REFUSED_KEPT_MS, keptAtMost, clocks.steadyMs);
  const underWay = new Map<string, Promise<Caller | undefined>>();

  async function ask(key: string, token: string): Promise<Caller | undefined> {
    try {
      const judged = await judge(token);
      if (judged === undefined || judged.expiresAtMs <= clocks.wallMs()) {
        refused.keep(key, true);
        return undefined;
      }
      good.keep(key, judged);
      return judged.caller;
    } finally {
      underWay.delete(key);
    }
  }

  return {
    async find(token) {
      const key = createHash("sha256").update(token).digest("base64");
      const known = good.find(key);
      if (known !== undefined && known.expiresAtMs > clocks.wallMs()) return known.caller;
      if (refused.find(key) === true) return undefined;
      const asked = underWay.get(key) ?? ask(key, token);
      underWay.set(key, asked);
      return asked;
    },
  };
}
