/**
 * Schedules of definitions: the cron line of the latest version, and its next slot.
 * Boundary: rows only. engine/values/cron.ts computes the slots, runtime/fire-schedules.ts fires them.
 * Invariant: a schedule is moved on only from the slot and line it was read with, so that of several replicas one does
 * it.
 */
import type { Statement, Tx } from "./database.ts";

/** A schedule to store. */
export interface NewSchedule {
  readonly definitionId: string;
  readonly workspaceId: string;
  readonly versionId: string;
  readonly version: number;
  readonly cronLine: string;
  /** `@every` counts from here. */
  readonly anchorAt: Date;
  /** Null: no slot comes any more. */
  readonly nextAt: Date | null;
}

/** A schedule whose slot was fired, and the slot after it. */
export interface ScheduleMove {
  readonly definitionId: string;
  readonly cronLine: string;
  readonly anchorAt: Date;
  readonly nextAt: Date;
  readonly newNextAt: Date | null;
}

const SAVE: Statement = {
  name: "save_schedule",
  text: `insert into schedules as s
      (definition_id, workspace_id, version_id, version, cron_line, anchor_at, next_at)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (definition_id) do update set
      version_id = excluded.version_id, version = excluded.version, cron_line = excluded.cron_line,
      anchor_at = case when s.cron_line = excluded.cron_line then s.anchor_at else excluded.anchor_at end,
      next_at = case when s.cron_line = excluded.cron_line then s.next_at else excluded.next_at end`,
};

const DELETE: Statement = {
  name: "delete_schedule",
  text: "delete from schedules where definition_id = $1",
};

// Another transaction moves or replaces a locked row; if it does neither, a later round finds the row again.
const MOVE: Statement = {
  name: "move_schedules",
  text: `with free as (
      select s.definition_id, v.new_next_at
      from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
        as v(definition_id, cron_line, anchor_at, next_at, new_next_at)
      join schedules s on s.definition_id = v.definition_id and s.cron_line = v.cron_line
        and s.anchor_at = v.anchor_at and s.next_at = v.next_at
      for update of s skip locked
    )
    update schedules s set next_at = free.new_next_at
    from free where s.definition_id = free.definition_id
    returning s.definition_id as "definitionId"`,
};

/** Stores the schedule of a new latest version; one with the same line keeps its slots. */
export async function saveSchedule(tx: Tx, schedule: NewSchedule): Promise<void> {
  const { definitionId, workspaceId, versionId, version, cronLine, anchorAt, nextAt } = schedule;
  await tx.query(SAVE, [definitionId, workspaceId, versionId, version, cronLine, anchorAt, nextAt]);
}

/** Forgets the schedule of a definition, if it has one. */
export async function deleteSchedule(tx: Tx, definitionId: string): Promise<void> {
  await tx.query(DELETE, [definitionId]);
}

/** Moves schedules on; gives the definitions of those that still stood where they were read. */
export async function moveSchedules(
  tx: Tx,
  moves: readonly ScheduleMove[],
): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ definitionId: string }>(MOVE, [
    moves.map((move) => move.definitionId),
    moves.map((move) => move.cronLine),
    moves.map((move) => move.anchorAt),
    moves.map((move) => move.nextAt),
    moves.map((move) => move.newNextAt),
  ]);
  return new Set(rows.map(({ definitionId }) => definitionId));
}
