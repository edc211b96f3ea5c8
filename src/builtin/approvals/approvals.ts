/**
 * The built-in owner of approvals (APPROVALS_URL=builtin): its service, the expiry of its requests, its events.
 * Boundary: it knows no run. The performers of calls reach it as they reach any owner; its events come in by the bus.
 * Invariants:
 * 1. Replicas share the tables: a decision's event goes out from the replica that holds its lease, another one takes over
 *    after the lease.
 * 2. Without NATS decisions are recorded and wait for their publishing.
 * 3. A decision whose event is not stored is published again after its lease; those beside it are marked.
 */
import type { ConnectRouter } from "@connectrpc/connect";
import type { NatsConnection } from "nats";
import { DecisionType } from "../../../gen/approvals/v1/approvals_pb.ts";
import { createCondition } from "../../process/condition.ts";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import { claimDecisions, expireApprovals, markPublished } from "../../store/approval-requests.ts";
import type { Database } from "../../store/database.ts";
import { type ApprovalNotices, keepNotices } from "./notices.ts";
import {
  type DecisionStream,
  type Published,
  publishDecisions,
  requireStream,
} from "./publish-decisions.ts";
import { approvalRoutes } from "./service.ts";

/** What the built-in owner needs. */
export interface BuiltInApprovalsDeps {
  readonly database: Database;
  readonly log: Log;
  readonly stream: DecisionStream;
  /** How long a request stays open; undefined: until it is decided. */
  readonly expireAfterMs?: number | undefined;
  /** How approvers are notified; undefined: they are not. */
  readonly notices?: ApprovalNotices | undefined;
}

/** The owner at work. */
export interface BuiltInApprovals {
  /** ApprovalService. */
  readonly routes: (router: ConnectRouter) => void;
  /** Publishes over this connection from now on. */
  publishOn(connection: NatsConnection): void;
  /** Why decisions are not published, in words; undefined: nothing is wrong. */
  trouble(): string | undefined;
  /** Finishes the round under way. */
  stop(): Promise<void>;
}

const EVERY_MS = 1_000;
const AT_ONCE = 100;
/** Longer than a publish takes, with the making of the stream. */
const LEASE_MS = 15_000;

/** Starts the owner. */
export function startBuiltInApprovals(deps: BuiltInApprovalsDeps): BuiltInApprovals {
  const { database, log, stream, expireAfterMs, notices } = deps;
  const condition = createCondition("approval events", log);
  let connection: NatsConnection | undefined;
  let isStreamThere = false;

  async function publishRound(): Promise<boolean> {
    if (connection === undefined || connection.isClosed()) return false;
    if (!isStreamThere) await requireStream(connection, stream, log);
    isStreamThere = true;
    const decisions = await claimDecisions(database, LEASE_MS, AT_ONCE);
    if (decisions.length === 0) return false;
    const results = await publishDecisions(connection, stream, decisions, log);
    const stored = results.flatMap(({ decision, error }) => (error === undefined ? decision : []));
    if (stored.length > 0) await markPublished(database, stored);
    const failed = results.filter(({ error }) => error !== undefined);
    noteFailures(failed, log);
    if (stored.length === 0) throw failed[0]?.error;
    return decisions.length === AT_ONCE;
  }

  const loop = createLoop({
    name: "publish decisions on approvals",
    everyMs: EVERY_MS,
    log,
    async round() {
      const expired = await expireApprovals(
        database,
        DecisionType.EXPIRED,
        "no decision in time",
        AT_ONCE,
      );
      try {
        const more = await publishRound();
        condition.be(undefined);
        return more || expired === AT_ONCE;
      } catch (error) {
        condition.be("decisions are not published", String(error));
        throw error;
      }
    },
  });
  loop.start();
  const telling = notices && startTelling(database, notices, log);
  const onDecided = () => loop.wake();
  const onAsked = () => telling?.wake();
  return {
    routes: approvalRoutes({ database, expireAfterMs, notices, onDecided, onAsked }),
    publishOn(made) {
      connection = made;
      loop.wake();
    },
    trouble: () => condition.trouble,
    stop: async () => void (await Promise.all([loop.stop(), telling?.stop()])),
  };
}

function noteFailures(failed: readonly Published[], log: Log): void {
  const [first] = failed;
  if (first === undefined) return;
  count("workflows_decisions_unpublished_total", {}, failed.length);
  const { decision, error } = first;
  log.warn("decisions on approvals are not published and are tried again after their lease", {
    ...{
      decisions: failed.length,
      requestId: decision.requestId,
      decisionId: decision.id,
      error,
    },
  });
}

/** A loop of its own: without NATS approvers are notified too. */
function startTelling(database: Database, notices: ApprovalNotices, log: Log): StandingLoop {
  const loop = createLoop({
    name: "notify approvers",
    everyMs: EVERY_MS,
    log,
    round: () => keepNotices(database, notices, AT_ONCE),
  });
  loop.start();
  return loop;
}
