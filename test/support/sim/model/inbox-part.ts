/** The part of a saving statement that opens and closes items of people (store/inbox.ts). */
import { ITEM_KINDS } from "../../../../src/store/inbox.ts";
import { itemKey } from "./rows.ts";
import type { At } from "./statement.ts";

interface Incoming {
  readonly runId: string;
  readonly stepIndex: number;
  readonly workspaceId: string;
  readonly openedAt: string;
  readonly items: readonly {
    readonly place: number;
    readonly kind: keyof typeof ITEM_KINDS;
    readonly assignee: string;
  }[];
}

/** An item that is open already stays as it is. */
export async function saveItems(at: At, rows: string): Promise<void> {
  const { tx, tables } = at;
  const steps: Incoming[] = JSON.parse(rows);
  for (const { runId, stepIndex, items } of steps) {
    const isOver = (place: number) => items.every((item) => item.place !== place);
    for (const row of [...tx.rows(tables.items)]) {
      if (row.runId !== runId || row.stepIndex !== stepIndex || !isOver(row.place)) continue;
      await tx.lock(tables.items, itemKey(row));
      tx.remove(tables.items, itemKey(row));
    }
  }
  for (const { items, openedAt, ...step } of steps) {
    for (const { place, kind, assignee } of items) {
      const unclaimed = { claimedBy: "", claimedAt: null };
      const row = { ...step, place, assignee, kind: ITEM_KINDS[kind], ...unclaimed };
      await tx.insert(tables.items, itemKey(row), { ...row, openedAt: new Date(openedAt) });
    }
  }
}
