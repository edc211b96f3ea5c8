/**
 * Statements of callers' idempotency keys (store/caller-keys.ts).
 * Boundary: a key is as old as its world, so that none is over its 7 days.
 */
import { type CallerKeyRow, callerKey } from "./rows.ts";
import { type At, by, type ModelStatements } from "./statement.ts";
import type { Stored } from "./tables.ts";

type Named = Pick<CallerKeyRow, "workspaceId" | "method" | "key">;
type Claim = Named & Pick<CallerKeyRow, "holder">;
type Claimed = Claim & { readonly bodyHash: string };
type Applied = Claim & { readonly appliedTo: string };
type Answered = Applied & { readonly answer: string | null };
type NamedValues = [workspaceId: string, method: string, key: string];
type ClaimValues = [...NamedValues, holder: string];
type BodyValues = [...ClaimValues, bodyHash: Uint8Array];

const LEASE_MS = 4_000;

/** See the file's head. */
export const keyStatements: ModelStatements = {
  async insert_caller_keys(at, [claims]: [string]) {
    const { tx, tables, now } = at;
    const missing = read<Claimed>(claims).filter((claim) => find(at, claim) === undefined);
    missing.sort(
      by(
        ({ workspaceId }) => workspaceId,
        ({ method }) => method,
        ({ key }) => key,
      ),
    );
    const claimed: { holder: string }[] = [];
    for (const claim of missing) {
      const row = { ...claim, bodyHash: bytesOf(claim.bodyHash), createdAt: now };
      const open = { ...row, leaseUntil: leaseEnd(at), appliedTo: null, answer: null };
      const isNew = await tx.insert(tables.callerKeys, callerKey(claim), open);
      if (isNew) claimed.push({ holder: claim.holder });
    }
    return claimed;
  },
  take_over_caller_key(at, [workspaceId, method, key, holder, body]: BodyValues) {
    const row = find(at, { workspaceId, method, key });
    const bodyHash = Buffer.from(body);
    if (row === undefined || row.answer !== null || !bodyHash.equals(row.bodyHash)) return [];
    if (row.leaseUntil.getTime() > at.now.getTime() || !tryLock(at, row)) return [];
    put(at, { ...row, holder, leaseUntil: leaseEnd(at) });
    return [{ appliedTo: row.appliedTo }];
  },
  renew_caller_keys(at, [claims]: [string]) {
    for (const row of held(at, read<Claim>(claims))) {
      if (tryLock(at, row)) put(at, { ...row, leaseUntil: leaseEnd(at) });
    }
    return [];
  },
  find_caller_key(at, [workspaceId, method, key]: NamedValues) {
    const row = find(at, { workspaceId, method, key });
    return row === undefined ? [] : [{ bodyHash: row.bodyHash, answer: row.answer }];
  },
  async mark_caller_keys(at, [keys]: [string]) {
    const marked: object[] = [];
    for (const claim of read<Applied>(keys)) {
      for (const row of await heldAfterWait(at, claim)) {
        put(at, { ...row, appliedTo: claim.appliedTo });
        marked.push({ marked: true });
      }
    }
    return marked;
  },
  async answer_caller_keys(at, [keys]: [string]) {
    for (const { answer, ...claim } of read<Answered>(keys)) {
      for (const row of await heldAfterWait(at, claim)) {
        const appliedTo = row.appliedTo ?? claim.appliedTo;
        const kept = answer === null ? null : bytesOf(answer);
        put(at, { ...row, appliedTo, answer: kept, holder: "", leaseUntil: at.now });
      }
    }
    return [];
  },
  give_back_caller_key(at, [workspaceId, method, key, holder]: ClaimValues) {
    const { tx, tables, now } = at;
    for (const row of held(at, [{ workspaceId, method, key, holder }])) {
      if (!tryLock(at, row)) continue;
      if (row.appliedTo === null) tx.remove(tables.callerKeys, callerKey(row));
      else put(at, { ...row, holder: "", leaseUntil: now });
    }
    return [];
  },
};

function read<Row>(parameter: string): Row[] {
  return JSON.parse(parameter);
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.slice(2), "hex");
}

function leaseEnd({ now }: At): Date {
  return new Date(now.getTime() + LEASE_MS);
}

function find({ tx, tables }: At, named: Named): Stored<CallerKeyRow> | undefined {
  return tx.get(tables.callerKeys, callerKey(named));
}

function put({ tx, tables }: At, row: CallerKeyRow): void {
  tx.put(tables.callerKeys, callerKey(row), row);
}

function tryLock({ tx, tables }: At, named: Named): boolean {
  return tx.tryLock(tables.callerKeys, callerKey(named));
}

function held(at: At, claims: readonly Claim[]): CallerKeyRow[] {
  return claims.flatMap((claim) => {
    const row = find(at, claim);
    return row?.holder === claim.holder ? [row] : [];
  });
}

/** An update waits for who writes the row, and looks again then. */
async function heldAfterWait(at: At, claim: Claim): Promise<CallerKeyRow[]> {
  if (held(at, [claim]).length === 0) return [];
  await at.tx.lock(at.tables.callerKeys, callerKey(claim));
  return held(at, [claim]);
}
