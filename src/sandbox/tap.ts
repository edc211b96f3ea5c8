/**
 * Events from the outside world, as the siphon publishes them: a record of another system was
 * made, changed or received.
 *
 * Boundary: publishes; what listens to it is not known here.
 */
import { create, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { timestampNow, ValueSchema } from "@bufbuild/protobuf/wkt";
import type { NatsConnection } from "nats";
import { TapEventDataSchema } from "../../gen/tap/v1/event_pb.ts";
import { type OutgoingEvent, publishEvent, requireObject } from "./bus.ts";

/** Something that happened to a record of another system. */
export interface TapEvent {
  readonly workspaceId: string;
  /** Such as `gmail` or `hubspot`. */
  readonly provider: string;
  /** Such as `message` or `deal`. */
  readonly entityType: string;
  readonly entityId: string;
  /** Such as `received` or `updated`. */
  readonly action: string;
  readonly changes?: Readonly<Record<string, { readonly from: JsonValue; readonly to: JsonValue }>>;
  /** The record as it is now. */
  readonly snapshot?: JsonObject;
  /** The event's id; a random one when left out. */
  readonly id?: string;
}

/**
 * Publishes the event on `siphon.tap.<provider>.<entity_type>.<action>`, which is also its type,
 * and returns its id once the server has stored it.
 */
export function publishTapEvent(connection: NatsConnection, event: TapEvent): Promise<string> {
  return publishEvent(connection.jetstream(), renderTapEvent(event));
}

/** The CloudEvent of a tap event, data a `tap.v1.TapEventData` in proto3 JSON with `@type`. */
export function renderTapEvent(event: TapEvent): OutgoingEvent {
  const message = create(TapEventDataSchema, {
    provider: event.provider,
    entityType: event.entityType,
    entityId: event.entityId,
    action: event.action,
    providerTimestamp: timestampNow(),
    tenantId: event.workspaceId,
  });
  if (event.snapshot !== undefined) message.snapshot = event.snapshot;
  for (const [field, { from, to }] of Object.entries(event.changes ?? {})) {
    message.changes[field] = {
      $typeName: "tap.v1.FieldChange",
      from: fromJson(ValueSchema, from),
      to: fromJson(ValueSchema, to),
    };
  }
  const data = requireObject(toJson(TapEventDataSchema, message, { useProtoFieldName: true }));
  return {
    type: `siphon.tap.${event.provider}.${event.entityType}.${event.action}`,
    source: "siphon",
    workspaceId: event.workspaceId,
    messageName: TapEventDataSchema.typeName,
    data: { "@type": `type.googleapis.com/${TapEventDataSchema.typeName}`, ...data },
    id: event.id,
  };
}
