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
import { Refusal } from "../process/refusal.ts";
import {
  type AppliedKey,
  answerKey,
  claimKey,
  findKey,
  giveBackKey,
  type KeyClaim,
  markKeys,
  takeOverKey,
} from "../store/caller-keys.ts";
import type { Database, Tx } from "../store/database.ts";

/** A call with a key. */
export interface KeyedCall {
  readonly workspaceId: string;
  readonly method: string;
  readonly key: string;
  /** Equal for equal requests, whatever their encoding. */
  readonly bodyHash: Uint8Array;
}

/** What is to do for a keyed call: do it, read what an earlier try did, or give its answer. */
export type Claimed =
  | { readonly kind: "do"; readonly claim: KeyClaim }
  | { readonly kind: "read"; readonly claim: KeyClaim; readonly appliedTo: string }
  | { readonly kind: "answered"; readonly answer: Uint8Array };

const HOLDER_BYTES = 12;
const ANSWER_BYTES_AT_MOST = 1024 * 1024;

/** Claims the key of a call. Refuses already_exists (another body) and lost_race (the first is still running). */
export async function beginKeyedCall(database: Database, call: KeyedCall): Promise<Claimed> {
  const { bodyHash, ...named } = call;
  const claim = { ...named, holder: randomBytes(HOLDER_BYTES).toString("hex") };
  return database.transaction(async (tx): Promise<Claimed> => {
    if (await claimKey(tx, claim, bodyHash)) return { kind: "do", claim };
    const taken = await takeOverKey(tx, claim, bodyHash);
    if (taken?.appliedTo === null) return { kind: "do", claim };
    if (taken !== undefined) return { kind: "read", claim, appliedTo: taken.appliedTo };
    const kept = await findKey(tx, claim);
    if (kept !== undefined && !kept.bodyHash.equals(bodyHash)) throw otherBody(claim);
    if (kept !== undefined && kept.answer !== null) {
      return { kind: "answered", answer: kept.answer };
    }
    throw new Refusal("lost_race", "the first call with this Idempotency-Key is still running");
  });
}

/** Marks keys in the transaction that does their calls. Refuses lost_race when one of them was taken over. */
export async function applyKeys(tx: Tx, keys: readonly AppliedKey[]): Promise<void> {
  if (keys.length === 0 || (await markKeys(tx, keys)) === keys.length) return;
  throw new Refusal("lost_race", "another call with this Idempotency-Key has taken over");
}

/** Keeps the answer to a call, for 7 days from its first try; null, or over 1 MiB: every repeat reads it anew. */
export async function keepAnswer(
  database: Database,
  key: AppliedKey,
  answer: Uint8Array | null,
): Promise<void> {
  const kept = answer !== null && answer.length <= ANSWER_BYTES_AT_MOST ? answer : null;
  await database.transaction((tx) => answerKey(tx, key, kept));
}

/** Gives the key of a call that failed back, so that it can be tried again at once. */
export async function giveBack(database: Database, claim: KeyClaim): Promise<void> {
  await database.transaction((tx) => giveBackKey(tx, claim));
}

function otherBody({ key }: KeyClaim): Refusal {
  const resource = { type: "idempotency_key", name: key };
  return new Refusal("already_exists", "this Idempotency-Key was used with another request", {
    resource,
  });
}
