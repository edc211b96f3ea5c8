/**
 * The sandbox's side of the bus: makes the collaborators' streams and publishes their events.
 *
 * Boundary: events are CloudEvents 1.0 in structured JSON mode, as the platform's services send
 * them; every publish has an id of its own, which is also its `Nats-Msg-Id`.
 *
 * Invariant: events go out in the order of the calls, on one connection. A publish that fails is
 * logged and the event is lost, as it is with the real services.
 */
import { randomUUID } from "node:crypto";
import { create, type JsonObject, toJson } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  connect,
  headers,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
} from "nats";
import { ChangeSchema } from "../../gen/events/v1/change_pb.ts";

/** A change of one of a collaborator's objects, as its service publishes it. */
interface ChangeEvent {
  /** The service, such as `objectives`: the event's source and first token of its type. */
  readonly service: string;
  /** Such as `objective`. */
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** Such as `transition`. */
  readonly operation: string;
  readonly workspaceId: string;
  readonly actorType: "agent" | "user" | "service";
  readonly actorId: string;
  readonly payload: JsonObject;
}

/** A CloudEvent to publish; its type is also the NATS subject. */
export interface OutgoingEvent {
  readonly type: string;
  readonly source: string;
  readonly workspaceId: string;
  /** Full name of the message in `data`. */
  readonly messageName: string;
  readonly data: JsonObject;
  /** A random one when left out. */
  readonly id?: string | undefined;
  /** The CloudEvent's `subject`; the type when left out. */
  readonly subject?: string | undefined;
  /** The `Nats-Msg-Id`; the event's id when left out. */
  readonly messageId?: string | undefined;
}

/** Publishes an event, or does something else with it. */
export type Publish = (event: OutgoingEvent) => void;

/** The connection, with what the collaborators publish through it. */
export interface Bus {
  readonly connection: NatsConnection;
  /** Publishes without waiting; a failure is logged. */
  publishChange(change: ChangeEvent): void;
  /** Publishes without waiting; a failure is logged. */
  readonly publish: Publish;
  /** Waits for publishes on their way, then closes the connection. */
  stop(): Promise<void>;
}

const STREAMS: Readonly<Record<string, string>> = {
  OBJECTIVES: "objectives.changes.>",
  APPROVALS: "approvals.changes.>",
  GOVERNANCE: "governance.changes.>",
  AGENTS: "agents.changes.>",
  SIPHON: "siphon.tap.>",
};

const PUBLISH_TIMEOUT_MS = 2_000;

/**
 * Connects and makes the streams that are missing. Rejects when the server cannot be reached. `disturb` stands between
 * the collaborators and the bus.
 */
export async function startBus(
  natsUrl: string,
  log: (line: string) => void,
  disturb: (publish: Publish) => Publish = (publish) => publish,
): Promise<Bus> {
  const connection = await connect({
    servers: natsUrl.split(","),
    name: "workflows-sandbox",
    maxReconnectAttempts: -1,
  });
  const manager = await connection.jetstreamManager();
  for (const [name, subject] of Object.entries(STREAMS)) await makeStream(manager, name, subject);
  const client = connection.jetstream();
  const onTheWay = new Set<Promise<void>>();
  const publish = disturb((event) => {
    const done = publishEvent(client, event)
      .then(() => {})
      .catch((error: unknown) => log(`could not publish ${event.type}: ${String(error)}`))
      .finally(() => onTheWay.delete(done));
    onTheWay.add(done);
  });
  return {
    connection,
    publish,
    publishChange: (change) => publish(renderChange(change)),
    async stop() {
      await Promise.all(onTheWay);
      await connection.close();
    },
  };
}

/** Publishes one event and returns its id once the server has stored it. */
export async function publishEvent(client: JetStreamClient, event: OutgoingEvent): Promise<string> {
  const id = event.id ?? randomUUID();
  const body = {
    specversion: "1.0",
    id,
    type: event.type,
    source: event.source,
    subject: event.subject ?? event.type,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    dataschema: `https://type.googleapis.com/${event.messageName}`,
    tenantid: event.workspaceId,
    data: event.data,
  };
  const fields = headers();
  fields.set("Content-Type", "application/cloudevents+json");
  await client.publish(event.type, JSON.stringify(body), {
    msgID: event.messageId ?? id,
    headers: fields,
    timeout: PUBLISH_TIMEOUT_MS,
  });
  return id;
}

function renderChange(change: ChangeEvent): OutgoingEvent {
  const message = create(ChangeSchema, {
    organizationId: change.workspaceId,
    aggregateType: change.aggregateType,
    aggregateId: change.aggregateId,
    operation: change.operation,
    actorType: change.actorType,
    actorId: change.actorId,
    recordedAt: timestampNow(),
    payload: change.payload,
  });
  return {
    type: `${change.service}.changes.${change.aggregateType}.${change.operation}`,
    source: change.service,
    workspaceId: change.workspaceId,
    messageName: ChangeSchema.typeName,
    data: requireObject(toJson(ChangeSchema, message, { useProtoFieldName: true })),
  };
}

/** A JSON value that is known to be an object; throws when it is not. */
export function requireObject(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw new TypeError("a JSON object is needed here");
}

/** Whether a value that came from JSON is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function makeStream(manager: JetStreamManager, name: string, subject: string): Promise<void> {
  try {
    await manager.streams.info(name);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.code !== 404) throw error;
    try {
      await manager.streams.add({ name, subjects: [subject] });
    } catch (addError) {
      // Another process may have made it in between, with settings of its own.
      await manager.streams.info(name).catch(() => Promise.reject(addError));
    }
  }
}
