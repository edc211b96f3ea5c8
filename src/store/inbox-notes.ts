/**
 * What people do with open items besides deciding them: claims, releases, delegations, comments.
 * Boundary: rows of the inbox alone; no statement here touches a run, a step or a request.
 * Invariants:
 * 1. A change reaches an item that is open, and as its caller has seen it: the row is locked, and compared first.
 * 2. A change and its note are one transaction. A note with an id that is there is a repeat, and changes nothing.
 * 3. Comments are bounded by themselves, other notes for each person: no person's notes keep another one from releasing or
 *    passing on the item.
 */
import type { Database, Statement, Tx } from "./database.ts";
import { insertNotification, type NewNotification, QUEUED_AT_MOST } from "./notifications.ts";

/** The kinds of notes. */
export type NoteKind = "claimed" | "released" | "delegated" | "commented";

/** The numbers of kinds in rows. */
export const NOTE_KINDS: Readonly<Record<NoteKind, number>> = {
  claimed: 1,
  released: 2,
  delegated: 3,
  commented: 4,
};

/** An open item, as its caller has seen it. */
export interface SeenItem {
  readonly runId: string;
  readonly stepIndex: number;
  readonly place: number;
  readonly assignee: string;
  readonly claimedBy: string;
}

/** What is done. */
export interface ItemChange {
  /** The same for each try of a call with a key. */
  readonly id: string;
  readonly kind: NoteKind;
  readonly by: string;
  /** Of a delegation to whom. */
  readonly to: string;
  readonly text: string;
  /** The program through which the caller came; empty: it did not say. */
  readonly via: string;
}

/** What is kept with a change to tell somebody of it. */
export type ItemNotice = NewNotification;

/** Notes that an item may have. */
export const NOTES_AT_MOST = {
  /** Of all people. */
  commented: 150,
  /** Of each person. */
  delegated: 20,
} as const;
/** Claims and releases of each person that are kept. */
const CLAIMS_KEPT = 20;

const LOCK: Statement = {
  name: "lock_inbox_item",
  text: `select assignee, claimed_by as "claimedBy",
      (select count(*)::int from inbox_notes n
        where n.run_id = $1 and n.step_index = $2 and n.place = $3 and n.kind = $4::smallint
          and ($5::text is null or n.made_by = $5::text)) as notes
    from inbox_items where run_id = $1 and step_index = $2 and place = $3 for update`,
};
const NOTE: Statement = {
  name: "insert_inbox_note",
  text: `insert into inbox_notes (made_at, step_index, place, kind, run_id, id, made_by, passed_to, text, via)
    values (clock_timestamp(), $2, $3, $4, $1, $5, $6, $7, $8, $9) on conflict (run_id, step_index, place, id) do nothing
    returning 1`,
};
const CHANGE: Statement = {
  name: "change_inbox_item",
  text: `update inbox_items set assignee = $4, claimed_by = $5,
      claimed_at = case when $5 = '' then null else now() end
    where run_id = $1 and step_index = $2 and place = $3`,
};

const DROP_OLD_CLAIMS: Statement = {
  name: "drop_old_inbox_claims",
  text: `delete from inbox_notes where run_id = $1 and step_index = $2 and place = $3 and id in (
      select id from inbox_notes where run_id = $1 and step_index = $2 and place = $3
        and made_by = $4 and kind in (${NOTE_KINDS.claimed}, ${NOTE_KINDS.released})
      order by made_at desc, id desc offset ${CLAIMS_KEPT})`,
};

/** What became of a change: `gone`: the item is not open; `other`: it is not as it was seen; `full`: it has all notes of the kind. */
export type Changed = "done" | "gone" | "other" | "full";

/** Changes an open item, and keeps the notice with the change where the workspace has room for one. */
export function changeItem(
  database: Database,
  seen: SeenItem,
  change: ItemChange,
  notice?: ItemNotice,
): Promise<Changed> {
  return database.transaction((tx) => changeWithin(tx, seen, change, notice));
}

async function changeWithin(
  tx: Tx,
  seen: SeenItem,
  { id, kind, by, to, text, via }: ItemChange,
  notice: ItemNotice | undefined,
): Promise<Changed> {
  const key = [seen.runId, seen.stepIndex, seen.place];
  const [item] = await tx.query<{ assignee: string; claimedBy: string; notes: number }>(LOCK, [
    ...key,
    NOTE_KINDS[kind],
    kind === "commented" ? null : by,
  ]);
  if (item === undefined) return "gone";
  const isClaim = kind === "claimed" || kind === "released";
  if (!isClaim && item.notes >= NOTES_AT_MOST[kind]) return "full";
  if (item.assignee !== seen.assignee || item.claimedBy !== seen.claimedBy) return "other";
  const made = await tx.query(NOTE, [...key, NOTE_KINDS[kind], id, by, to, text, via]);
  if (made.length === 0 || kind === "commented") return "done";
  if (notice !== undefined) await insertNotification(tx, notice, QUEUED_AT_MOST);
  if (isClaim) await tx.query(DROP_OLD_CLAIMS, [...key, by]);
  const assignee = kind === "delegated" ? to : item.assignee;
  await tx.query(CHANGE, [...key, assignee, kind === "claimed" ? by : ""]);
  return "done";
}
