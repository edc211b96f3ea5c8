/** Leases of calls (store/calls.ts). */
import { CALL_LEASE_MS } from "../../../../src/store/calls.ts";
import type { EffectRow } from "./rows.ts";
import { type At, by, type ModelStatements, zip } from "./statement.ts";
import type { Stored } from "./tables.ts";

const WORKSPACES_A_CLAIM = 200;
const EXPIRED_AT_ONCE = 500;
const NEEDLESS_ONCE_ENDED = new Set([
  "look_up",
  "evaluate_action",
  "request_approval",
  "delegate",
  "send_notification",
]);

type ClaimValues = [string, string[], string[], number[], number[], string[], string[]];

/** See the file's head. */
export const callStatements: ModelStatements = {
  find_any_call_to_claim: ({ tx, tables }) => {
    const isToClaim = ({ holder, leaseUntil }: EffectRow) =>
      holder === "" || leaseUntil.getTime() <= tx.beganAtMs;
    return [{ isAny: [...tx.rows(tables.effects)].some(isToClaim) }];
  },
  expire_calls(at) {
    const { tx, tables } = at;
    const over = [...tx.rows(tables.effects)]
      .filter(({ holder, leaseUntil }) => holder !== "" && leaseUntil.getTime() <= tx.beganAtMs)
      .sort(by(({ leaseUntil }) => leaseUntil.getTime()));
    const locked = lockSome(at, over, EXPIRED_AT_ONCE);
    for (const call of locked) tx.put(tables.effects, call.id, { ...call, holder: "" });
    return locked.map(() => ({ "?column?": 1 }));
  },
  claim_calls(at, [holder, kinds, afters, places, bytes, withoutKinds, withoutIds]: ClaimValues) {
    const without = new Set(zip(withoutKinds, withoutIds).map((each) => each.join("|")));
    return zip(kinds, afters, places, bytes).flatMap<object>(([kind, after, most, size]) => {
      const claim = claimKind(at, kind, after, most, size, without);
      const ofKind = { ofKind: kind, places: most, next: claim.next };
      if (claim.calls.length === 0) return [{ ...ofKind, id: null }];
      return claim.calls.map((call) => ({ ...ofKind, ...hand(at, call, holder) }));
    });
  },
  renew_calls(at, [holder, ids]: [string, string[]]) {
    const { tx, tables } = at;
    const mine = [...new Set(ids)]
      .sort()
      .flatMap((id) => tx.get(tables.effects, id) ?? [])
      .filter((call) => call.holder === holder);
    const held = mine.filter(({ id }) => tx.tryLock(tables.effects, id));
    for (const call of held) tx.put(tables.effects, call.id, { ...call, leaseUntil: leaseEnd(at) });
    return [
      ...held.map((call) => ({ id: call.id, isWanted: isWanted(at, call) })),
      ...mine.filter((call) => !held.includes(call)).map(({ id }) => ({ id, isWanted: true })),
    ];
  },
  release_calls({ tx, tables, now }, [holder, ids, delayMs]: [string, string[], number]) {
    for (const id of [...new Set(ids)].sort()) {
      const call = tx.get(tables.effects, id);
      if (call?.holder !== holder || !tx.tryLock(tables.effects, id)) continue;
      const leaseUntil = new Date(now.getTime() + delayMs);
      tx.put(tables.effects, id, { ...call, holder: "", leaseUntil });
    }
    return [];
  },
  drop_calls({ tx, tables }, [ids]: [string[]]) {
    for (const id of [...new Set(ids)].sort()) {
      if (tx.get(tables.effects, id) === undefined || !tx.tryLock(tables.effects, id)) continue;
      tx.remove(tables.effects, id);
    }
    return [];
  },
};

/** `limit … for update skip locked`: no more are locked than are given. */
function lockSome(
  { tx, tables }: At,
  calls: readonly Stored<EffectRow>[],
  limit: number,
): Stored<EffectRow>[] {
  const locked: Stored<EffectRow>[] = [];
  for (const call of calls) {
    if (locked.length === limit) break;
    if (tx.tryLock(tables.effects, call.id)) locked.push(call);
  }
  return locked;
}

function claimKind(
  at: At,
  kind: string,
  after: string,
  places: number,
  bytes: number,
  without: ReadonlySet<string>,
) {
  const { tx, tables } = at;
  const free = [...tx.rows(tables.effects)].filter(
    (call) => call.holder === "" && call.kind === kind,
  );
  const walk = [...new Set(free.map(({ workspaceId }) => workspaceId))]
    .filter((id) => id > after)
    .sort()
    .slice(0, WORKSPACES_A_CLAIM);
  const next = walk.length === WORKSPACES_A_CLAIM ? (walk.at(-1) ?? null) : null;
  const turns = walk.filter((id) => !without.has(`${kind}|${id}`));
  const found = turns.flatMap((workspaceId) => {
    const due = free
      .filter(
        (call) => call.workspaceId === workspaceId && call.leaseUntil.getTime() <= tx.beganAtMs,
      )
      .sort(by(({ leaseUntil }) => leaseUntil.getTime()));
    const share = Math.ceil(places / turns.length);
    return lockSome(at, due, share).map((call, turn) => ({ call, turn }));
  });
  found.sort(
    by(
      ({ turn }) => turn,
      ({ call }) => call.id,
    ),
  );
  let total = 0;
  const calls = found.flatMap(({ call }, place) => {
    total += call.request.length;
    return place < places && (total <= bytes || place === 0) ? [call] : [];
  });
  return { next, calls };
}

function hand(at: At, call: Stored<EffectRow>, holder: string) {
  const { xmin: _, ...row } = { ...call, holder, leaseUntil: leaseEnd(at) };
  at.tx.put(at.tables.effects, call.id, row);
  const ageMs = at.now.getTime() - call.createdAt.getTime();
  return { ...row, ageMs, isWanted: isWanted(at, call) };
}

function leaseEnd({ now }: At): Date {
  return new Date(now.getTime() + CALL_LEASE_MS);
}

/** The end of an attempt makes its calls needless. */
function isWanted({ tx, tables }: At, { id, stepIndex, attempt, kind }: EffectRow): boolean {
  const step = tx.get(tables.steps, `${id.split("/", 1)[0]}/${stepIndex}`);
  if (step === undefined || !NEEDLESS_ONCE_ENDED.has(kind)) return true;
  if (step.retryCount + 1 !== attempt) return false;
  if (step.state === "FAILED" || step.state === "CANCELLED") return false;
  return step.completedAt === null || kind === "send_notification";
}
