/**
 * The built-in owner of notifications (NOTIFICATIONS_URL=builtin): its service, and the sending.
 * Boundary: it knows no run and no approval. The performers of calls reach it as they reach any owner.
 * Invariants:
 * 1. At least once: a message is done after its receiver took it, or its time is over. A replica that dies in between leaves
 *    its lease to run out.
 * 2. A message is tried again after a pause that doubles, within a bounded time. One whose tries end without a result is
 *    given up after a few of them (store/notifications.ts), so that no crash and no silent receiver repeats it for long.
 * 3. A workspace whose receivers are slow leaves room for the others: it has about OF_WORKSPACE tries under way.
 */
import type { ConnectRouter } from "@connectrpc/connect";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import { createLoop } from "../../process/standing-loop.ts";
import type { Database } from "../../store/database.ts";
import {
  claimNotifications,
  type DueNotification,
  recordTry,
  type TryResult,
} from "../../store/notifications.ts";
import { type Addresses, type Destination, findDestination } from "./addresses.ts";
import type { Mail } from "./mail.ts";
import { createSender, type Sender, TRY_MS } from "./send.ts";
import type { Sent } from "./sent.ts";
import { notificationRoutes } from "./service.ts";

/** What the built-in owner needs. */
export interface BuiltInNotificationsDeps {
  readonly database: Database;
  readonly log: Log;
  readonly addresses: Addresses;
  readonly mail?: Mail | undefined;
  /** How long a message is tried. */
  readonly giveUpAfterMs: number;
}

/** The owner at work. */
export interface BuiltInNotifications {
  /** NotificationService. */
  readonly routes: (router: ConnectRouter) => void;
  /** Whether a recipient is reached by the settings. */
  reaches(workspaceId: string, recipient: string): boolean;
  /** Looks for messages at once. */
  wake(): void;
  /** Finishes the tries under way. */
  stop(): Promise<void>;
}

const EVERY_MS = 1_000;
/** Tries of a replica under way. */
const AT_ONCE = 32;
/** Those of one workspace from which on it is passed over; a round takes as many at most. */
const OF_WORKSPACE = 8;
const LEASE_MS = 2 * TRY_MS;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15 * 60_000;

/** Starts the owner. */
export function startBuiltInNotifications(deps: BuiltInNotificationsDeps): BuiltInNotifications {
  const { database, log, addresses, mail } = deps;
  const sender = createSender(mail);
  const underWay = new Map<Promise<void>, string>();

  // A round does not wait for its tries, so that a slow receiver does not keep the others waiting.
  function begin(message: DueNotification): void {
    if (message.isGivenUp) {
      noteUnsure(deps, message);
      return;
    }
    const trying = tryOnce(deps, sender, message).catch((error: unknown) => {
      log.warn("what became of a notification is not recorded; it is sent again", { error });
    });
    const ended = trying.then(() => {
      underWay.delete(ended);
      if (underWay.size === AT_ONCE - 1) loop.wake();
    });
    underWay.set(ended, message.workspaceId);
  }

  const loop = createLoop({
    name: "send notifications",
    everyMs: EVERY_MS,
    log,
    async round() {
      const room = Math.min(OF_WORKSPACE, AT_ONCE - underWay.size);
      if (room === 0) return false;
      const busy = busyOf(underWay.values());
      const due = await claimNotifications(database, LEASE_MS, room, busy);
      for (const message of due) begin(message);
      return due.length === room;
    },
  });
  loop.start();
  return {
    routes: notificationRoutes({ database, addresses, onKept: () => loop.wake() }),
    reaches: (workspaceId, recipient) => findDestination(addresses, workspaceId, recipient).ok,
    wake: () => loop.wake(),
    async stop() {
      await loop.stop();
      await Promise.all(underWay.keys());
      sender.close();
    },
  };
}

/** Workspaces with as many tries under way as one may have. */
function busyOf(workspaces: Iterable<string>): string[] {
  const tries = new Map<string, number>();
  for (const each of workspaces) tries.set(each, (tries.get(each) ?? 0) + 1);
  return [...tries].filter(([, number]) => number >= OF_WORKSPACE).map(([each]) => each);
}

function noteUnsure({ log }: BuiltInNotificationsDeps, message: DueNotification): void {
  const { id, place, workspaceId, attempts } = message;
  const error = "what became of its tries is not known";
  log.warn("a notification is not sent and is given up", {
    id,
    place,
    workspaceId,
    attempts,
    error,
  });
  count("workflows_notifications_total", { by: "unknown", result: "given_up" });
}

async function tryOnce(
  { database, log, addresses, giveUpAfterMs }: BuiltInNotificationsDeps,
  sender: Sender,
  message: DueNotification,
): Promise<void> {
  const { id, place, workspaceId, recipient, attempts } = message;
  const found = findDestination(addresses, workspaceId, recipient);
  // Another setting may be on its way to this replica.
  const sent: Sent = found.ok
    ? await sender.send(message, found.to)
    : { ok: false, error: found.problem, mayRetry: true, isUnsure: false };
  const result = resultOf(message, sent, giveUpAfterMs);
  await recordTry(database, message, result);
  if (result.kind === "failed") {
    const { error, again } = result;
    const facts = { id, place, workspaceId, attempts, error };
    if (again === undefined) log.warn("a notification is not sent and is given up", facts);
    else log.debug("a notification is not sent and is tried again", { ...facts, ...again });
  }
  count("workflows_notifications_total", { by: by(found), result: wordOf(result) });
}

function by(found: { ok: true; to: Destination } | { ok: false }) {
  return found.ok ? found.to.kind : "unknown";
}

function wordOf(result: TryResult) {
  if (result.kind === "sent") return "sent";
  return result.again === undefined ? "given_up" : "tried_again";
}

function resultOf({ attempts, ageMs }: DueNotification, sent: Sent, giveUpAfterMs: number) {
  if (sent.ok) return { kind: "sent" } as const;
  const { error, mayRetry, isUnsure, retryAfterMs = 0 } = sent;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1));
  // By chance up to a quarter longer, so that messages of one failure do not come back together.
  const inMs = Math.max(retryAfterMs, pauseMs * (1 + Math.random() / 4));
  const isOver = ageMs + inMs > giveUpAfterMs;
  const again = mayRetry && !isOver ? { again: { inMs } } : {};
  return { kind: "failed", error, isUnsure, ...again } as const;
}
