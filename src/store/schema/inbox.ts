/** Table: What waits for people. See tables.ts. */
import { index, pgTable, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { time } from "./column-types.ts";

/**
 * Open items of people, written in the commit that opens or closes them. An index of open steps on `step_runs` would make
 * each end of a step leave its page.
 */
export const inboxItems = pgTable(
  "inbox_items",
  {
    openedAt: time("opened_at").notNull(),
    /** Null: it is not claimed. */
    claimedAt: time("claimed_at"),
    stepIndex: smallint("step_index").notNull(),
    /** Of a gate the number of the request, of a task the attempt, from 1; of a held step 0. */
    place: smallint("place").notNull(),
    /** 1: approval, 2: task, 3: held. */
    kind: smallint("kind").notNull(),
    runId: text("run_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    /** Who is asked now: after a delegation another one than the step names. "" when no person is named. */
    assignee: text("assignee").notNull(),
    /** "" for no one. */
    claimedBy: text("claimed_by").notNull().default(""),
  },
  (t) => [
    primaryKey({ columns: [t.runId, t.stepIndex, t.place] }),
    index("inbox_items_newest").on(
      t.workspaceId,
      t.kind,
      t.openedAt.desc(),
      t.runId.desc(),
      t.stepIndex.desc(),
      t.place.desc(),
    ),
    index("inbox_items_of_person").on(
      t.workspaceId,
      t.assignee,
      t.kind,
      t.openedAt.desc(),
      t.runId.desc(),
      t.stepIndex.desc(),
      t.place.desc(),
    ),
  ],
);

/** What people did with items besides deciding them; deleted with their run. */
export const inboxNotes = pgTable(
  "inbox_notes",
  {
    madeAt: time("made_at").notNull(),
    stepIndex: smallint("step_index").notNull(),
    /** As in inbox_items. */
    place: smallint("place").notNull(),
    /** 1: claimed, 2: released, 3: delegated, 4: commented. */
    kind: smallint("kind").notNull(),
    runId: text("run_id").notNull(),
    /** The same for each try of a call with a key. */
    id: text("id").notNull(),
    madeBy: text("made_by").notNull(),
    /** Of a delegation to whom. */
    passedTo: text("passed_to").notNull(),
    text: text("text").notNull(),
    /** The program through which the caller came; empty: it did not say. */
    via: text("via").notNull().default(""),
  },
  (t) => [primaryKey({ columns: [t.runId, t.stepIndex, t.place, t.id] })],
);
