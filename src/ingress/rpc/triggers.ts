/**
 * HandleTrigger: does by RPC what the listener does for an event.
 * Boundary: makes an event of the request and routes it; who matches is decided by runtime and engine.
 */
import {
  type HandleTriggerRequest,
  HandleTriggerRequestSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { readCronLine, trimLine } from "../../engine/values/cron.ts";
import type { TriggerType } from "../../engine/values/definition.ts";
import { startKeyOf } from "../../engine/values/environment.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import { findStartedRuns } from "../../store/reads/started-runs.ts";
import { findTriggerType } from "../../wire/definitions.ts";
import { recordedActor } from "./actor.ts";
import { checkFields, type Faults } from "./fields.ts";
import { readRunMessages } from "./run-answers.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

/** HandleTrigger: the runs that were started, now or by an earlier call with the same id, and those that were waiting. */
export async function answerHandleTrigger(deps: WriteDeps, request: HandleTriggerRequest) {
  const event = { ...readEvent(request, recordedActor(deps) ?? ""), ...placeOf(deps) };
  const { routed, repeatableId } = await deps.write.route(event);
  if (!routed.ok) throw routed.error;
  const started = [...routed.startedRunIds, ...routed.alreadyStartedRunIds];
  const earlier = await findEarlierRuns(deps, event, repeatableId);
  const startedIds = [...new Set([...started, ...earlier])];
  const runs = await readRunMessages(deps, [...new Set([...startedIds, ...routed.updatedRunIds])]);
  const found = (ids: readonly string[]) => ids.flatMap((id) => runs.get(id) ?? []);
  return { startedRuns: found(startedIds), updatedRuns: found(routed.updatedRunIds) };
}

/** Where the event belongs, for triggers and for waits. */
function placeOf({ environment }: Pick<WriteDeps, "environment">) {
  return environment === undefined ? {} : { environment, extensions: { environment } };
}

/** A repeat names its event; the answer has what it started also when no trigger matches any more. */
async function findEarlierRuns(
  { database, visibility }: ReadDeps,
  { workspaceId, onlyTrigger, environment }: BusEvent,
  id: string | undefined,
): Promise<string[]> {
  if (id === undefined || onlyTrigger === undefined) return [];
  const wanted = { workspaceId, id: startKeyOf(environment, id) };
  return findStartedRuns(database.callers, visibility, wanted, onlyTrigger);
}

function readEvent(request: HandleTriggerRequest, by: string): BusEvent {
  const faults = checkFields(HandleTriggerRequestSchema, request);
  faults.require("workspace_id", request.workspaceId);
  const onlyTrigger = readTriggerType(request, faults);
  faults.refuseIfAny();
  return {
    workspaceId: request.workspaceId,
    id: request.triggerEventId,
    // An RPC's source equals every source.
    source: "",
    type: request.eventType,
    subject: request.eventSubject,
    time: new Date().toISOString(),
    data: request.inputPayload ?? {},
    ...(request.inputPayload === undefined ? { dataUnset: true } : {}),
    ...(onlyTrigger === "WEBHOOK" ? { tap: tapOf(request) } : {}),
    ...(onlyTrigger === "SCHEDULE" ? { cronLine: trimLine(request.cronExpr) } : {}),
    actorAgentId: request.initiatorAgentId,
    hops: 0,
    ...(onlyTrigger === undefined ? {} : { onlyTrigger }),
    caller: {
      by,
      initiatorUserId: request.initiatorUserId,
      entityId: request.entityId,
      entityType: request.entityType,
    },
  };
}

function tapOf(request: HandleTriggerRequest) {
  return {
    provider: request.tapProvider,
    entityType: request.tapEntityType,
    entityId: request.entityId,
    action: request.tapAction,
  };
}

function tapText({ tapProvider, tapEntityType, tapAction }: HandleTriggerRequest): string {
  return tapProvider || tapEntityType || tapAction;
}

function checkCronLine(text: string, faults: Faults): void {
  faults.require("cron_expr", trimLine(text));
  if (trimLine(text) === "") return;
  const read = readCronLine(text);
  if (!read.ok) faults.add("cron_expr", read.problem);
}

function readTriggerType(request: HandleTriggerRequest, faults: Faults): TriggerType | undefined {
  const field = "trigger_type";
  const type = findTriggerType(request.triggerType);
  switch (type) {
    case "EVENT":
      faults.require("event_type", request.eventType || request.eventSubject);
      break;
    case "WEBHOOK":
      faults.require("tap_provider", tapText(request));
      break;
    case "SCHEDULE":
      checkCronLine(request.cronExpr, faults);
      break;
    case "MANUAL":
      faults.add(field, "MANUAL runs are started by StartRun; use EVENT, WEBHOOK or SCHEDULE");
      break;
    case "WORKFLOW":
      faults.add(field, "WORKFLOW runs are started by steps; use EVENT, WEBHOOK or SCHEDULE");
      break;
    case undefined:
      if (request.triggerType === 0) faults.add(field, "is required: EVENT, WEBHOOK or SCHEDULE");
      break;
  }
  return type;
}
