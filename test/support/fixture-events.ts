/**
 * An ear on the service's own stream, whatever the format: keeps every event, so that one can be waited for and kept.
 * Boundary: reads as any other team does and takes nothing away from anybody.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { JsMsg, NatsConnection } from "nats";
import { isJsonObject } from "../../src/sandbox/bus.ts";
import { openLifecycle } from "../../tools/demo/lifecycle.ts";
import { type BusFormat, eventIn, readEnvelope } from "./fixture-files.ts";
import { until } from "./until.ts";

/** One event as it came. */
export interface HeardEvent {
  readonly message: JsMsg;
  /** As JSON, whatever the bytes are. */
  readonly envelope: JsonObject;
}

/** Everything heard so far. */
export interface Ear {
  /** The first event of a type and, where one is named, a step; waits until there is one. */
  find(type: string, stepId?: string): Promise<HeardEvent>;
  close(): Promise<void>;
}

/** Listens to everything from the beginning of the stream. */
export async function listenToRuns(connection: NatsConnection, format: BusFormat): Promise<Ear> {
  const heard: HeardEvent[] = [];
  const messages = await openLifecycle(connection);
  const listening = (async () => {
    for await (const message of messages) {
      heard.push({ message, envelope: readEnvelope(format, message.data) });
    }
  })();
  return {
    find: (type, stepId) =>
      Promise.race([
        until(() =>
          heard.find(
            ({ message, envelope }) =>
              message.subject === type && (stepId === undefined || stepOf(envelope) === stepId),
          ),
        ),
        // A message that cannot be read ends the listening, and with it all waiting.
        listening.then(() => {
          throw new Error("the stream ended before the event came");
        }),
      ]),
    async close() {
      await messages.close();
      await listening;
    },
  };
}

function stepOf(envelope: JsonObject): unknown {
  const { step } = eventIn(envelope);
  return isJsonObject(step) ? step.step_id : undefined;
}
