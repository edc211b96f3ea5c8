/**
 * The meter: what work cost, as it was recorded.
 *
 * Boundary: keeps records and answers queries; who spends is not known here. The scripted agents
 * record through `record`, others by RPC.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampMs, timestampNow } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import {
  MeterService,
  type QueryUsageRequest,
  type RecordUsageRequest,
  RecordUsageRequestSchema,
  type UsageRecord,
  UsageRecordSchema,
} from "../../gen/meter/v1/meter_pb.ts";
import { makeId, type Routes, recordEntry, remember, type Stage } from "./stage.ts";

/** The usage of one sandbox. */
export interface Meter {
  /** Records usage of a workspace; "" belongs to none. */
  record(
    usage: MessageInitShape<typeof RecordUsageRequestSchema>,
    workspaceId: string,
    context?: HandlerContext,
  ): UsageRecord;
  find(request: QueryUsageRequest): UsageRecord[];
}

/** Keeps the usage of a stage. */
export function keepMeter(stage: Stage): Meter {
  const records = new Map<string, UsageRecord>();
  return {
    record(usage, workspaceId, context) {
      const request = create(RecordUsageRequestSchema, usage);
      const record = makeRecord(request, workspaceId);
      remember(records, record.id, record);
      recordEntry(stage.ledgers.usage, record.id, request, context);
      return record;
    },
    find: (request) => [...records.values()].filter((record) => isWanted(record, request)),
  };
}

/** MeterService. Usage that is recorded by RPC belongs to no workspace, for the call names none. */
export function serveMeter(meter: Meter): Routes {
  return (router) =>
    router.service(MeterService, {
      recordUsage: (request, context) => ({ record: meter.record(request, "", context) }),
      queryUsage: (request) => ({ records: meter.find(request) }),
    });
}

function makeRecord(request: RecordUsageRequest, workspaceId: string): UsageRecord {
  const { $typeName: _, $unknown: __, ...fields } = request;
  const now = timestampNow();
  return create(UsageRecordSchema, {
    ...fields,
    id: makeId("use"),
    organizationId: workspaceId,
    timestamp: now,
    createdAt: now,
  });
}

function isWanted(record: UsageRecord, request: QueryUsageRequest): boolean {
  const { metadataKey, metadataValue, startTime, endTime } = request;
  const atMs = record.timestamp === undefined ? 0 : timestampMs(record.timestamp);
  return (
    isOrAny(request.teamId, record.teamId) &&
    isOrAny(request.agentId, record.agentId) &&
    isOrAny(request.eventType, record.eventType) &&
    isOrAny(request.model, record.model) &&
    isOrAny(request.provider, record.provider) &&
    (metadataKey === "" || record.metadata?.[metadataKey] === metadataValue) &&
    (startTime === undefined || atMs >= timestampMs(startTime)) &&
    (endTime === undefined || atMs < timestampMs(endTime))
  );
}

function isOrAny(wanted: string, value: string): boolean {
  return wanted === "" || wanted === value;
}
