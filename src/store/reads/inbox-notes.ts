/**
 * Reads of what people did with an item: claims, releases, delegations, comments.
 * Boundary: committed state, by key; an item has a bounded number of them (store/inbox-notes.ts).
 */
import type { Queries } from "../database.ts";
import { NOTE_KINDS, type NoteKind } from "../inbox-notes.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** A note as it is kept. */
export interface StoredNote {
  readonly id: string;
  readonly kind: NoteKind;
  readonly by: string;
  /** Of a delegation to whom. */
  readonly to: string;
  readonly text: string;
  /** The program through which its caller came; empty: it did not say. */
  readonly via: string;
  readonly madeAt: Date;
}

/** Where an item is. */
export interface ItemPlace {
  readonly runId: string;
  readonly stepIndex: number;
  readonly place: number;
}

const KINDS = new Map(Object.entries(NOTE_KINDS).map(([kind, number]) => [number, kind]));

const FIND = seenWithin(
  "find_inbox_notes",
  (condition) => `select n.id, n.kind, n.made_by as "by", n.passed_to as "to", n.text, n.via,
      n.made_at as "madeAt"
    from inbox_notes n
    where n.run_id = $1 and n.step_index = $2 and n.place = $3 and ${condition}
    order by n.made_at, n.id`,
  "exists (select 1 from workflow_runs r where r.id = $1 and r.workspace_id = $4)",
);

/** The notes of an item, oldest first. */
export async function findItemNotes(
  db: Queries,
  visibility: Visibility,
  { runId, stepIndex, place }: ItemPlace,
): Promise<StoredNote[]> {
  const values = [runId, stepIndex, place];
  const rows = await querySeen<Row>(db, visibility, FIND, values);
  return rows.map((row) => ({ ...row, kind: kindOf(row.kind) }));
}

interface Row extends Omit<StoredNote, "kind"> {
  readonly [column: string]: unknown;
  readonly kind: number;
}

function kindOf(number: number): NoteKind {
  const kind = KINDS.get(number);
  if (kind === undefined) throw new Error(`a note has the kind ${number}`);
  return kind as NoteKind;
}
