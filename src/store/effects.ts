/**
 * Leases of calls: who performs which call, until when.
 * Boundary: rows of effects are written and deleted with moves (see save-batch.ts); here they only change hands.
 * Invariants:
 * L1 Time is the database's: a lease begins, ends and is judged by its clock.
 * L2 One statement a verb, whatever the number of calls.
 */
import { type CallKind, runOfEffect } from "../engine/effect.ts";
import { selectList } from "./columns.ts";
import type { Database, Statement } from "./database.ts";
import { effects } from "./schema.ts";

/** How long a call is kept from other replicas without being renewed. */
export const EFFECT_LEASE_MS = 20_000;

/** A call that changed hands, with its age by the database's clock. */
export interface ClaimedEffect {
  readonly effectId: string;
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly kind: CallKind;
  readonly request: Uint8Array;
  readonly createdAtMs: number;
  readonly ageMs: number;
  readonly isWanted: boolean;
}

/** A call whose lease was renewed. */
export interface KeptEffect {
  readonly id: string;
  /** Whether its attempt still waits for it. */
  readonly isWanted: boolean;
}

type EffectRow = typeof effects.$inferSelect & Pick<ClaimedEffect, "ageMs" | "isWanted">;

const LEASE = `clock_timestamp() + interval '${EFFECT_LEASE_MS} milliseconds'`;
// Ids of calls are sorted by bytes, unlike those of runs: without the collation no index of step_runs would serve.
// What an attempt asks for, its end makes needless: what has ended stays so. An objective that may exist is made all the
// same, or nobody could cancel it; a message belongs to a step that succeeded without waiting for it.
const IS_WANTED = `not exists (
      select 1 from step_runs s
      where s.run_id = split_part(e.id, '/', 1) collate "default" and s.step_index = e.step_index
        and e.kind in ('look_up', 'evaluate_action', 'request_approval', 'delegate', 'send_notification')
        and (s.retry_count + 1 <> e.attempt or s.state in ('FAILED', 'CANCELLED')
          or s.completed_at is not null and e.kind <> 'send_notification')
    ) as "isWanted"`;
const CLAIM: Statement = {
  name: "claim_effects",
  text: `with due as (
      select id from effects where lease_until <= clock_timestamp() and kind <> all($3::text[])
      order by lease_until limit $2 for update skip locked)
    update effects e set lease_until = ${LEASE}, holder = $1 from due where e.id = due.id
    returning ${selectList(effects, "e")},
      floor(extract(epoch from clock_timestamp() - e.created_at) * 1000)::bigint as "ageMs", ${IS_WANTED}`,
};
const RENEW: Statement = {
  name: "renew_effects",
  text: `update effects e set lease_until = ${LEASE}
    where e.id = any($2::text[]) and e.holder = $1 returning e.id, ${IS_WANTED}`,
};
const RELEASE: Statement = {
  name: "release_effects",
  text: `update effects
    set lease_until = clock_timestamp() + $3::integer * interval '1 millisecond'
    where id = any($2::text[]) and holder = $1`,
};
const DROP: Statement = {
  name: "drop_effects",
  text: "delete from effects where id = any($1::text[])",
};

/** Takes up to `limit` calls that nobody holds, those that are free for longest first, none of some kinds. */
export async function claimEffects(
  database: Database,
  holder: string,
  limit: number,
  withoutKinds: readonly CallKind[],
): Promise<ClaimedEffect[]> {
  const values = [holder, limit, withoutKinds];
  const rows = await database.transaction((tx) => tx.query<EffectRow>(CLAIM, values));
  return rows.map((row) => ({
    effectId: row.id,
    runId: runOfEffect(row.id),
    workspaceId: row.workspaceId,
    stepIndex: row.stepIndex,
    attempt: row.attempt,
    kind: requireKind(row.kind),
    request: row.request,
    createdAtMs: row.createdAt.getTime(),
    ageMs: row.ageMs,
    isWanted: row.isWanted,
  }));
}

/** Keeps calls for another lease; gives those that the holder still holds. The others are gone or another's. */
export async function renewEffects(
  database: Database,
  holder: string,
  ids: readonly string[],
): Promise<KeptEffect[]> {
  return database.transaction((tx) => tx.query<KeptEffect>(RENEW, [holder, ids]));
}

/** Lets go of calls: whoever claims next after `delayMs` gets them. */
export async function releaseEffects(
  database: Database,
  holder: string,
  ids: readonly string[],
  delayMs = 0,
): Promise<void> {
  await database.transaction((tx) => tx.query(RELEASE, [holder, ids, delayMs]));
}

/** Forgets calls whose run does not exist, so that nobody claims them again. */
export async function dropEffects(database: Database, ids: readonly string[]): Promise<void> {
  await database.transaction((tx) => tx.query(DROP, [ids]));
}

const KINDS: Readonly<Record<CallKind, CallKind>> = {
  look_up: "look_up",
  create_objective: "create_objective",
  delegate: "delegate",
  read_output: "read_output",
  query_usage: "query_usage",
  cancel_objective: "cancel_objective",
  request_approval: "request_approval",
  escalate_approval: "escalate_approval",
  evaluate_action: "evaluate_action",
  send_notification: "send_notification",
  start_run: "start_run",
  cancel_run: "cancel_run",
  compensate_run: "compensate_run",
  tell_parent: "tell_parent",
};
const KIND_OF_TEXT: ReadonlyMap<string, CallKind> = new Map(Object.entries(KINDS));

function requireKind(text: string): CallKind {
  const kind = KIND_OF_TEXT.get(text);
  if (kind === undefined) throw new Error(`a row of effects names the unknown kind ${text}`);
  return kind;
}
