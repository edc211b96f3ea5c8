/** workflows.ops.v1.Schedules, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { ServiceImpl } from "@connectrpc/connect";
import { Schedules } from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { doneOnce, workspaceOfDefinition } from "./done-once.ts";
import { answerBackfill, answerPreview, answerRunNow } from "./schedule-runs.ts";
import {
  answerCreateSchedule,
  answerDeleteSchedule,
  answerGetSchedule,
  answerListSchedules,
  answerPauseSchedule,
  answerResumeSchedule,
  answerUpdateSchedule,
  readSchedule,
  workspaceOfSchedule,
} from "./schedules.ts";
import { reading } from "./service.ts";
import type { ReadDeps } from "./service-deps.ts";
import type { ServiceParts } from "./service-parts.ts";

const { method } = Schedules;

/** Schedules, over the service's parts. */
export function schedulesService(parts: ServiceParts): ServiceImpl<typeof Schedules> {
  return {
    create: doneOnce(parts, method.create, {
      workspaceOf: workspaceOfDefinition,
      answer: answerCreateSchedule,
      answerAgain: readScheduleAgain,
    }),
    update: doneOnce(parts, method.update, changing(answerUpdateSchedule)),
    delete: doneOnce(parts, method.delete, {
      workspaceOf: workspaceOfSchedule,
      answer: answerDeleteSchedule,
      answerAgain: async () => ({}),
    }),
    get: reading(parts, answerGetSchedule),
    list: reading(parts, answerListSchedules),
    pause: doneOnce(parts, method.pause, changing(answerPauseSchedule)),
    resume: doneOnce(parts, method.resume, changing(answerResumeSchedule)),
    runNow: doneOnce(parts, method.runNow, {
      workspaceOf: workspaceOfSchedule,
      answer: answerRunNow,
      answerAgain: async (_deps, _request, runId) => ({ runId }),
    }),
    // A slot is one run however often it is asked for, so that a repeat needs no mark.
    backfill: doneOnce(parts, method.backfill, {
      workspaceOf: workspaceOfSchedule,
      answer: answerBackfill,
      answerAgain: answerBackfill,
    }),
    preview: reading(parts, answerPreview),
  };
}

function changing<Answer>(answer: Answer) {
  return { workspaceOf: workspaceOfSchedule, answer, answerAgain: readScheduleAgain };
}

async function readScheduleAgain(deps: ReadDeps, _request: object, id: string) {
  return readSchedule(deps, id);
}
