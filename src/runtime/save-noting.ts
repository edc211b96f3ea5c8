/**
 * Saves a batch and notes the edition of the catalogue that the statement read: reports that the batch takes need no look of
 * their own (routing/route-event.ts).
 */
import type { Queries } from "../store/database.ts";
import { type Batch, type SavedBatch, saveBatch } from "../store/save-batch.ts";
import type { ListenedKeys } from "./routing/listened-keys.ts";

/** What hears of editions. */
export type EditionNotes = Pick<ListenedKeys, "moment" | "note">;

/** As saveBatch. */
export async function saveNoting(
  editions: EditionNotes,
  db: Pick<Queries, "query">,
  batch: Batch,
): Promise<SavedBatch | undefined> {
  const moment = editions.moment();
  const saved = await saveBatch(db, batch);
  if (saved?.edition !== undefined) editions.note(saved.edition, moment);
  return saved;
}
