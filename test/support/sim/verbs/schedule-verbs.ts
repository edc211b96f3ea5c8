/** Verbs of schedules with random values. */
import {
  moveSchedules,
  type NewSchedule,
  type ScheduleMove,
  saveSchedule,
} from "../../../../src/store/schedules.ts";
import { findDueSchedules } from "../../../../src/store/service-reads/due-schedules.ts";
import type { RandomRows } from "./random-rows.ts";
import type { Verb } from "./verb.ts";

const DEFINITIONS = ["wf-line", "wf-wait", "wf-undo"];
const LINES = ["@daily", "@every 5s"];

/** Publishes schedules, finds those that are due and moves them on. */
export function scheduling(rows: RandomRows): Verb {
  const definitionId = rows.pick(DEFINITIONS);
  const without = rows.some(DEFINITIONS);
  const schedule: NewSchedule = {
    ...{ definitionId, workspaceId: "ws-sim", versionId: "wfv-line", cronLine: rows.pick(LINES) },
    ...{
      version: rows.random.below(9),
      anchorAt: rows.time(),
      nextAt: rows.maybe(() => rows.time(), 90),
    },
  };
  return rows.pick<Verb>([
    {
      ...{ name: `save the schedule of ${definitionId}`, mayWait: true },
      run: ({ database }) => database.transaction((tx) => saveSchedule(tx, schedule)),
    },
    {
      name: `find due schedules without ${without}`,
      run: ({ database: { read } }) => findDueSchedules(read, 50, without),
    },
    moving(rows),
  ]);
}

/** Moves on what is due; some of it not from where it stands. Never waits. */
export function moving(rows: RandomRows): Verb {
  const moves = new Map(
    DEFINITIONS.map((id) => {
      const wrong: Partial<ScheduleMove> = rows.pick([
        {},
        {},
        { cronLine: "@hourly" },
        { nextAt: rows.time() },
      ]);
      return [id, { ...wrong, newNextAt: rows.maybe(() => rows.time(), 90) }];
    }),
  );
  return {
    name: "move schedules",
    async run({ database }) {
      const due = await findDueSchedules(database.read, 50, []);
      const wanted = due.map((each) => {
        const { definitionId, cronLine, anchorAt, nextAt } = each;
        const newNextAt = null;
        return { definitionId, cronLine, anchorAt, nextAt, newNextAt, ...moves.get(definitionId) };
      });
      return database.transaction((tx) => moveSchedules(tx, wanted));
    },
  };
}
