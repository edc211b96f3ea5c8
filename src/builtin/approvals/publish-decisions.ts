/**
 * Publishes decisions as approval events, on a stream that it makes when it is missing.
 * Boundary: events out; the service's own bus consumer takes them in as those of any owner of approvals.
 * Invariants:
 * 1. A decision is marked after the stream has acknowledged its event. The event's id is the decision's, also as
 *    `Nats-Msg-Id`: replicas that publish one twice store it once.
 * 2. A stream that is there is never changed. An event that another stream takes is not published.
 * 3. A decision that cannot be published keeps no other one from being published.
 */
import { create, enumToJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ErrorCode, headers, type JetStreamClient, type NatsConnection, NatsError } from "nats";
import { DecisionType, DecisionTypeSchema } from "../../../gen/approvals/v1/approvals_pb.ts";
import { ChangeSchema } from "../../../gen/events/v1/change_pb.ts";
import type { Log } from "../../process/log.ts";
import type { UnpublishedDecision } from "../../store/approval-requests.ts";

/** The stream of decisions, and what it is made with. */
export interface DecisionStream {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly limits: {
    readonly max_age: number;
    readonly max_bytes: number;
    readonly num_replicas: number;
  };
}

const PUBLISH_TIMEOUT_MS = 2_000;
const STREAM_NOT_FOUND = 10_059;
const OPERATIONS: Readonly<Partial<Record<DecisionType, string>>> = {
  [DecisionType.ESCALATED]: "escalate",
  [DecisionType.EXPIRED]: "expire",
};

/** What became of a decision's event; `error` is undefined when the stream has stored it. */
export interface Published {
  readonly decision: UnpublishedDecision;
  readonly error: unknown;
}

/** Publishes these decisions, each by itself. Makes the stream when it is missing; rejects when that fails. */
export async function publishDecisions(
  connection: NatsConnection,
  stream: DecisionStream,
  decisions: readonly UnpublishedDecision[],
  log: Log,
): Promise<Published[]> {
  const client = connection.jetstream();
  const publishAll = (some: readonly UnpublishedDecision[]) =>
    Promise.all(some.map((decision) => tryPublish(client, stream.name, decision)));
  const first = await publishAll(decisions);
  const homeless = first.filter(({ error }) => isWithoutStream(error));
  if (homeless.length === 0) return first;
  await requireStream(connection, stream, log);
  const again = await publishAll(homeless.map(({ decision }) => decision));
  return [...first.filter(({ error }) => !isWithoutStream(error)), ...again];
}

function isWithoutStream(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.NoResponders;
}

async function tryPublish(
  client: JetStreamClient,
  streamName: string,
  decision: UnpublishedDecision,
): Promise<Published> {
  try {
    await publish(client, streamName, decision);
    return { decision, error: undefined };
  } catch (error) {
    return { decision, error };
  }
}

/** Makes the stream when it is missing. */
export async function requireStream(
  connection: NatsConnection,
  { name, subjects, limits }: DecisionStream,
  log: Log,
): Promise<void> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    await manager.streams.info(name);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== STREAM_NOT_FOUND)
      throw error;
    log.info("the stream of approvals is missing and is made", { stream: name });
    // Replicas make it with the same settings, which is no error.
    await manager.streams.add({ name, subjects: [...subjects], ...limits });
  }
}

async function publish(
  client: JetStreamClient,
  streamName: string,
  decision: UnpublishedDecision,
): Promise<void> {
  const { subject, body } = decisionEvent(decision);
  const head = headers();
  head.set("Content-Type", "application/cloudevents+json");
  await client.publish(subject, JSON.stringify(body), {
    msgID: decision.id,
    headers: head,
    timeout: PUBLISH_TIMEOUT_MS,
    expect: { streamName },
  });
}

/** The kind of a stored decision. */
export function decisionTypeOf(number: number): DecisionType {
  return Object.values(DecisionType).find((type) => type === number) ?? DecisionType.UNSPECIFIED;
}

/** A decision as a CloudEvent in structured mode, whose data is an events.v1.Change, as the platform's services send them. */
function decisionEvent(decision: UnpublishedDecision): {
  readonly subject: string;
  readonly body: JsonObject;
} {
  const type = decisionTypeOf(decision.decision);
  const operation = OPERATIONS[type] ?? "resolve";
  const subject = `approvals.changes.approval.${operation}`;
  const message = create(ChangeSchema, {
    organizationId: decision.workspaceId,
    aggregateType: "approval",
    aggregateId: decision.requestId,
    operation,
    actorType: operation === "resolve" ? "user" : "service",
    actorId: decision.decidedBy,
    recordedAt: timestampFromDate(decision.decidedAt),
    payload: {
      id: decision.id,
      approval_request_id: decision.requestId,
      decision: enumToJson(DecisionTypeSchema, type),
      decided_by: decision.decidedBy,
      reason: decision.reason,
      ...(decision.via === "" ? {} : { decided_via: decision.via }),
      ...digestOf(decision.contextJson),
    },
  });
  return {
    subject,
    body: {
      specversion: "1.0",
      id: decision.id,
      type: subject,
      source: "approvals",
      subject,
      time: decision.decidedAt.toISOString(),
      datacontenttype: "application/json",
      dataschema: `https://type.googleapis.com/${ChangeSchema.typeName}`,
      tenantid: decision.workspaceId,
      data: toJson(ChangeSchema, message, { useProtoFieldName: true }),
    },
  };
}

/** The digest that the request named: the decision is bound to the content that was asked about. */
function digestOf(contextJson: string): { readonly digest?: string } {
  try {
    const context: unknown = JSON.parse(contextJson);
    if (typeof context !== "object" || context === null || !("digest" in context)) return {};
    return typeof context.digest === "string" ? { digest: context.digest } : {};
  } catch {
    // Any text may be a request's context.
    return {};
  }
}
