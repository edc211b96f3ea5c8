/** What statements about people read: items and their notes, notices, the service's own notifications, and their sweeps. */
import { dropAbandonedApprovals, FIRST_OPEN } from "../../src/store/abandoned-approvals.ts";
import { takeNotices } from "../../src/store/approval-notices.ts";
import { FIRST_RUN } from "../../src/store/checks.ts";
import type { Database, Tx } from "../../src/store/database.ts";
import { changeItem } from "../../src/store/inbox-notes.ts";
import {
  dropItemsOfGone,
  FIRST_ITEM,
  findListedItems,
  findWaitingSteps,
  lockWaitingSteps,
  setItems,
} from "../../src/store/mend-inbox.ts";
import {
  claimNotifications,
  dropOldNotifications,
  keepNotification,
  recordTry,
  type TryResult,
} from "../../src/store/notifications.ts";
import { findItemNotes } from "../../src/store/reads/inbox-notes.ts";
import { EVERY_WORKSPACE, onlyWorkspace } from "../../src/store/reads/visibility.ts";
import type { Case } from "./cases.ts";
import { BIG, CLAIMED_RUN as RUN } from "./rows.ts";

const AT = { runId: RUN, stepIndex: 0, place: 1 };
const ITEM = { kind: "task", place: 1, assignee: "user" } as const;
const RESULTS: readonly TryResult[] = [
  { kind: "sent" },
  { kind: "failed", error: "HTTP 410", isUnsure: false },
  { kind: "failed", error: "HTTP 503", isUnsure: false, again: { inMs: 1_000 } },
];

const writing =
  (work: (tx: Tx) => Promise<unknown>) =>
  ({ transaction }: Database) =>
    transaction(work);

function keep(database: Database, id: string) {
  const texts = { subject: "", body: "hi", link: "", metadataJson: "" };
  const of = { id, workspaceId: BIG, bodyHash: Buffer.from(id), recipients: ["a", "b"] };
  return keepNotification(database, { ...texts, ...of, priority: 0, category: 0 }, 100);
}

/** Their cases. */
export const peopleCases: readonly Case[] = [
  ...[EVERY_WORKSPACE, onlyWorkspace(BIG)].map((seen) => ({
    name: `${seen === EVERY_WORKSPACE ? "" : "seen: "}inbox: notes of an item`,
    ask: ({ read }: Database) => findItemNotes(read, seen, AT),
  })),
  ...(["claimed", "commented"] as const).map((kind) => ({
    name: `inbox: an item is ${kind}`,
    ask: (database: Database) => {
      const seen = { ...AT, assignee: "user", claimedBy: "" };
      return changeItem(database, seen, { id: "new", kind, by: "u", to: "", text: "so", via: "" });
    },
  })),
  { name: "approvals: notices", ask: writing((tx) => takeNotices(tx, 100)) },
  { name: "notifications: keep", ask: (database) => keep(database, "ntf_new") },
  { name: "notifications: keep again", ask: (database) => keep(database, "ntf_1000") },
  { name: "notifications: claim", ask: (database) => claimNotifications(database, 1_000, 8) },
  {
    name: "notifications: claim beside busy workspaces",
    ask: (database) => claimNotifications(database, 1_000, 8, [BIG, "ws_1"]),
  },
  ...RESULTS.map((result) => ({
    name: `notifications: ${result.kind}${"again" in result ? ", again" : ""}`,
    ask: (database: Database) => recordTry(database, { id: "ntf_1000", place: 1 }, result),
  })),
  { name: "sweep: notifications", ask: writing((tx) => dropOldNotifications(tx, 90, 100)) },
  {
    name: "sweep: requests of ended runs",
    ask: writing((tx) => dropAbandonedApprovals(tx, 9, FIRST_OPEN)),
    // A thousand requests with the run of each.
    limits: { drop_abandoned_approvals: 1_000 * 8 },
  },
  {
    name: "sweep: items",
    ask: writing((tx) => findListedItems(tx, FIRST_ITEM)),
    // Five hundred items, with the run and the step of each.
    limits: { find_listed_steps: 500 * 12 },
  },
  {
    name: "sweep: steps that wait",
    ask: writing((tx) => findWaitingSteps(tx, FIRST_RUN)),
    // Two hundred runs, with the step and the items of each.
    limits: { find_waiting_steps: 200 * 14 },
  },
  {
    name: "sweep: mend items",
    ask: writing(async (tx) => {
      await dropItemsOfGone(tx, [RUN]);
      const { locked } = await lockWaitingSteps(tx, [RUN]);
      await setItems(tx, locked, [{ runId: RUN, stepIndex: 0, item: ITEM }]);
    }),
  },
];
