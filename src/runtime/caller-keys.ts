/**
 * Calls that are done once: what a caller's idempotency key stands for, from the claim to the answer.
 * Boundary: knows no RPC; what the call is, and its answer's bytes, are given by ingress/rpc/done-once.ts.
 * Invariants:
 * C1 What a call changes and the mark on its key are one transaction. So a crash before the answer is kept leaves
 *    either nothing done, or a mark from which the next try knows what to read.
 * C2 A try that was taken over commits nothing.
 * C3 A call that failed leaves no key, unless it is marked.
 */
import { randomBytes } from "node:crypto";
import { createGathered } from "../process/gathered.ts";
import { Refusal } from "../process/refusal.ts";
import {
  type AnsweredKey,
  type AppliedKey,
  answerKeys,
  claimKeys,
  findKey,
  giveBackKey,
  type KeyClaim,
  markKeys,
  type NewClaim,
  takeOverKey,
} from "../store/caller-keys.ts";
import type { Database, Queries, Tx } from "../store/database.ts";

/** A call with a key. */
interface KeyedCall {
  readonly workspaceId: string;
  readonly method: string;
  readonly key: string;
  /** Equal for calls that one answer is for, whatever their encoding. */
  readonly bodyHash: Uint8Array;
}

/** What is to do for a keyed call: do it, read what an earlier try did, or give its answer. */
type Claimed =
  | { readonly kind: "do"; readonly claim: KeyClaim }
  | { readonly kind: "read"; readonly claim: KeyClaim; readonly appliedTo: string }
  | { readonly kind: "answered"; readonly answer: Uint8Array };

const HOLDER_BYTES = 12;
const ANSWER_BYTES_AT_MOST = 1024 * 1024;
/** Larger answers have a statement of their own. */
const GATHERED_BYTES_AT_MOST = 4 * 1024;

/** The keys of callers in the database. Those that come at once share a statement, which is its own transaction. */
export interface CallerKeys {
  /** Claims the key of a call. Refuses already_exists (another body or caller) and lost_race (the first is still running). */
  begin(call: KeyedCall): Promise<Claimed>;
  /** Keeps the answer to a call, for 7 days from its first try; null, or over 1 MiB: every repeat reads it anew. */
  keepAnswer(key: AppliedKey, answer: Uint8Array | null): Promise<void>;
  /** Gives the key of a call that failed back, so that it can be tried again at once. */
  giveBack(claim: KeyClaim): Promise<void>;
}

/** See CallerKeys. */
export function createCallerKeys({ write }: Pick<Database, "write">): CallerKeys {
  const claim = createGathered((claims: readonly NewClaim[]) => claimKeys(write, claims));
  const answer = createGathered(async (keys: readonly AnsweredKey[]) => {
    await answerKeys(write, keys);
    return keys.map(() => undefined);
  });
  return {
    async begin(call) {
      const { bodyHash, ...named } = call;
      const wanted = { ...named, holder: randomBytes(HOLDER_BYTES).toString("hex") };
      if (await claim({ ...wanted, bodyHash })) return { kind: "do", claim: wanted };
      return beginAgain(write, wanted, bodyHash);
    },
    async keepAnswer(key, made) {
      const bytes = made?.byteLength ?? 0;
      const kept = { ...key, answer: bytes <= ANSWER_BYTES_AT_MOST ? made : null };
      await (bytes <= GATHERED_BYTES_AT_MOST ? answer(kept) : answerKeys(write, [kept]));
    },
    giveBack: (given) => giveBackKey(write, given),
  };
}

/** For a key that is stored: by an earlier try, or by another request. */
async function beginAgain(
  queries: Queries,
  claim: KeyClaim,
  bodyHash: Uint8Array,
): Promise<Claimed> {
  const taken = await takeOverKey(queries, claim, bodyHash);
  if (taken?.appliedTo === null) return { kind: "do", claim };
  if (taken !== undefined) return { kind: "read", claim, appliedTo: taken.appliedTo };
  const kept = await findKey(queries, claim);
  if (kept !== undefined && !kept.bodyHash.equals(bodyHash)) throw otherBody(claim);
  if (kept !== undefined && kept.answer !== null) {
    return { kind: "answered", answer: kept.answer };
  }
  throw new Refusal("lost_race", "the first call with this Idempotency-Key is still running");
}

/** Marks keys in the transaction that does their calls. Refuses lost_race when one of them was taken over. */
export async function applyKeys(tx: Tx, keys: readonly AppliedKey[]): Promise<void> {
  if (keys.length === 0 || (await markKeys(tx, keys)) === keys.length) return;
  throw new Refusal("lost_race", "another call with this Idempotency-Key has taken over");
}

function otherBody({ key }: KeyClaim): Refusal {
  const resource = { type: "idempotency_key", name: key };
  return new Refusal(
    "already_exists",
    "this Idempotency-Key was used with another request or by another caller",
    {
      resource,
    },
  );
}
