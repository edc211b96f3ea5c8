/**
 * The service's own events, as any consumer reads them: CloudEvents on stream WORKFLOWS.
 *
 * Boundary: reads with an ordered consumer, which the server forgets by itself; acknowledges
 * nothing, so no other consumer loses a message.
 */
import { setTimeout as delay } from "node:timers/promises";
import { fromJson, type JsonObject, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type ConsumerMessages, type NatsConnection, NatsError } from "nats";
import {
  type WorkflowRunLifecycleEvent,
  WorkflowRunLifecycleEventSchema,
  type WorkflowStepLifecycleEvent,
  WorkflowStepLifecycleEventSchema,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { isJsonObject, requireObject } from "../../src/sandbox/bus.ts";

/** The stream that the service publishes to. */
export const LIFECYCLE_STREAM = "WORKFLOWS";

/** A move of a run or of one of its steps. */
export type LifecycleEvent =
  | { readonly kind: "run"; readonly data: WorkflowRunLifecycleEvent }
  | { readonly kind: "step"; readonly data: WorkflowStepLifecycleEvent };

const RUN_SUBJECT = "workflows.changes.run.";
const STEP_SUBJECT = "workflows.changes.step.";

const STREAM_TIMEOUT_MS = 10_000;
const STREAM_INTERVAL_MS = 100;

/**
 * Subscribes to all that the stream holds and will hold. `close` of the result ends the iteration.
 * The service makes the stream soon after its start, so a missing one is waited for, 10 s at most.
 */
export async function openLifecycle(connection: NatsConnection): Promise<ConsumerMessages> {
  const client = connection.jetstream();
  const options = { filterSubjects: "workflows.changes.>" };
  const giveUpAt = Date.now() + STREAM_TIMEOUT_MS;
  for (;;) {
    try {
      return await (await client.consumers.get(LIFECYCLE_STREAM, options)).consume();
    } catch (error) {
      const isMissing = error instanceof NatsError && error.api_error?.code === 404;
      if (!isMissing || Date.now() > giveUpAt) throw error;
      await delay(STREAM_INTERVAL_MS);
    }
  }
}

/** The moves among the messages, in the order of the stream. Throws on one that cannot be read. */
export async function* readLifecycle(messages: ConsumerMessages): AsyncGenerator<LifecycleEvent> {
  for await (const { subject, data } of messages) {
    if (subject.startsWith(RUN_SUBJECT)) {
      yield { kind: "run", data: readData(WorkflowRunLifecycleEventSchema, data) };
    } else if (subject.startsWith(STEP_SUBJECT)) {
      yield { kind: "step", data: readData(WorkflowStepLifecycleEventSchema, data) };
    }
  }
}

function readData<T extends Message>(schema: GenMessage<T>, bytes: Uint8Array): T {
  const event: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const data: JsonObject = requireObject(isJsonObject(event) ? event.data : undefined);
  const { "@type": _, ...fields } = data;
  return fromJson(schema, fields, { ignoreUnknownFields: true });
}
