/** Statements of schedules (store/schedules.ts, store/service-reads/due-schedules.ts). */
import type { ScheduleRow } from "./rows.ts";
import { by, type ModelStatements, zip } from "./statement.ts";

type SaveValues = [
  definitionId: string,
  workspaceId: string,
  versionId: string,
  version: number,
  cronLine: string,
  anchorAt: Date,
  nextAt: Date | null,
];
type MoveValues = [
  definitionIds: readonly string[],
  cronLines: readonly string[],
  anchors: readonly Date[],
  from: readonly Date[],
  to: readonly (Date | null)[],
];

/** See the file's head. */
export const scheduleStatements: ModelStatements = {
  find_due_schedules: ({ tx, tables }, [limit, without]: [number, string[]]) =>
    [...tx.rows(tables.schedules)]
      .filter(({ definitionId, nextAt }) => {
        const isDue = nextAt !== null && nextAt.getTime() <= tx.beganAtMs;
        return isDue && !without.includes(definitionId);
      })
      .sort(by(({ nextAt }) => nextAt?.getTime() ?? 0))
      .slice(0, limit)
      // No world pauses a definition.
      .map(({ xmin: _, ...row }) => ({
        ...{ ...row, readAt: new Date(tx.beganAtMs), isPaused: false },
      })),
  // No world has schedules beside the triggers of versions.
  find_due_workflow_schedules: () => [],
  async save_schedule({ tx, tables }, values: SaveValues) {
    const [definitionId, workspaceId, versionId, version, cronLine, anchorAt, nextAt] = values;
    const row = { definitionId, workspaceId, versionId, version, cronLine, anchorAt, nextAt };
    if (await tx.insert(tables.schedules, definitionId, row)) return [];
    const old = tx.get(tables.schedules, definitionId);
    const slots = old?.cronLine === cronLine ? { anchorAt: old.anchorAt, nextAt: old.nextAt } : {};
    tx.put(tables.schedules, definitionId, { ...row, ...slots });
    return [];
  },
  move_schedules: ({ tx, tables }, values: MoveValues) =>
    zip(...values).flatMap(([definitionId, cronLine, anchorAt, nextAt, newNextAt]) => {
      const row = tx.get(tables.schedules, definitionId);
      if (row === undefined || !stands(row, { cronLine, anchorAt, nextAt })) return [];
      if (!tx.tryLock(tables.schedules, definitionId)) return [];
      tx.put(tables.schedules, definitionId, { ...row, nextAt: newNextAt });
      return [{ definitionId }];
    }),
};

function stands(
  row: ScheduleRow,
  { cronLine, anchorAt, nextAt }: Pick<ScheduleRow, "cronLine" | "anchorAt" | "nextAt">,
): boolean {
  const isFrom = row.nextAt !== null && row.nextAt.getTime() === nextAt?.getTime();
  return isFrom && row.cronLine === cronLine && row.anchorAt.getTime() === anchorAt.getTime();
}
