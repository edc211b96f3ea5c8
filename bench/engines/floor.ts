/**
 * The floor of an agent step: the least that a durable step with a call out and an event back does in Node. Events come in
 * from JetStream, many runs share a commit, the owner is called over HTTP/1.1, two events a step go out
 * with acknowledgements.
 * Boundary: no engine, no checks, no recovery. What is left is the price of the parts; it is no way to build a service.
 */
import { Agent, request } from "node:http";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AckPolicy, type JsMsg, type NatsConnection } from "nats";
import type { Engine, EngineStart } from "./engine.ts";
import { type Change, openFloorStore } from "./floor-store.ts";
import { type Platform, startPlatform } from "./surroundings.ts";
import { AGENT, LAST_STEP, LINE_STEPS, NOTE, WORKSPACE } from "./words.ts";

const ENDS = "objectives.changes.>";
const OUT = "workflows.changes";
const ACKS = "_INBOX.floor";
const SOCKETS = 64;
const MESSAGES_HELD = 500;
const ACKS_PENDING = 20_000;
/** The id in an answer stands behind two tags and two lengths of a byte each. */
const ID_LENGTH_AT = 3;

interface Run {
  readonly key: string;
  seq: number;
  ended(): void;
}

/** The step that an objective is for. */
interface Place {
  readonly runId: string;
  readonly stepIndex: number;
}

interface End {
  readonly output: string;
  ack(): void;
}

/** Starts the parts. */
export async function startFloor({ guard, databaseUrl }: EngineStart): Promise<Engine> {
  const platform = await startPlatform(guard);
  const consumer = await makeStreams(platform.bus);
  const store = await openFloorStore(databaseUrl, apply);
  const runs = new Map<string, Run>();
  const publish = createPublisher(platform.bus);
  const call = createCaller(platform, meetAnswer);
  const places = new Map<string, Place>();
  const early = new Map<string, End>();
  let started = 0;
  const messages = await consumer.consume({ max_messages: MESSAGES_HELD });
  const consuming = (async () => {
    for await (const message of messages) meetEnd(message);
  })();

  function meetAnswer(place: Place, objectiveId: string): void {
    const end = early.get(objectiveId);
    if (end === undefined) places.set(objectiveId, place);
    else submitEnd(place, objectiveId, end);
    early.delete(objectiveId);
  }

  function meetEnd(message: JsMsg): void {
    const { data } = message.json<{ data: { id: string; output_payload: unknown } }>();
    const end = { output: JSON.stringify(data.output_payload), ack: () => message.ack() };
    const place = places.get(data.id);
    if (place === undefined) early.set(data.id, end);
    else submitEnd(place, data.id, end);
    places.delete(data.id);
  }

  function submitEnd({ runId, stepIndex }: Place, objectiveId: string, end: End): void {
    const run = runs.get(runId);
    if (run === undefined) return;
    run.seq += 1;
    const next = stepIndex + 1 < LINE_STEPS ? requestOf(runId, run.key, stepIndex + 1) : undefined;
    const ended = { stepIndex, objectiveId, output: end.output };
    store.submit({ runId, seq: run.seq, ended, next, done: end.ack });
  }

  /** After the commit. */
  function apply({ runId, seq, ended, next, done }: Change): void {
    done?.();
    const stepIndex = ended === undefined ? 0 : ended.stepIndex + 1;
    if (ended !== undefined) publish("step.completed", runId, 2 * seq, ended.stepIndex);
    if (next === undefined) {
      const run = runs.get(runId);
      runs.delete(runId);
      run?.ended();
      return;
    }
    publish("step.started", runId, 2 * seq + 1, stepIndex);
    call({ runId, stepIndex }, next);
  }

  return {
    hostIs: "service",
    processes: () => platform.processes,
    run(kind, key) {
      if (kind !== "line") return Promise.reject(new Error("the floor runs lines only"));
      started += 1;
      const runId = `wfr_${String(started).padStart(22, "0")}`;
      return new Promise((ended) => {
        runs.set(runId, { key, seq: 1, ended });
        store.submit({ runId, seq: 1, next: requestOf(runId, key, 0) });
      });
    },
    async close() {
      messages.stop();
      await consuming;
      await store.close();
      await platform.stop();
    },
  };
}

async function makeStreams(bus: NatsConnection) {
  const manager = await bus.jetstreamManager();
  await manager.streams.add({ name: "OBJECTIVES", subjects: [ENDS] });
  await manager.streams.add({ name: "WORKFLOWS", subjects: [`${OUT}.>`] });
  await manager.consumers.add("OBJECTIVES", {
    durable_name: "floor",
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: ACKS_PENDING,
  });
  return bus.jetstream().consumers.get("OBJECTIVES", "floor");
}

/** Publishes with one inbox for all acknowledgements. */
export function createPublisher(bus: NatsConnection) {
  bus.subscribe(`${ACKS}.>`, { callback() {} });
  return (what: string, runId: string, seq: number, stepIndex: number) => {
    const type = `${OUT}.${what}`;
    const event = {
      specversion: "1.0",
      id: `${runId}-${seq}`,
      source: "workflows",
      type,
      subject: type,
      partitionkey: runId,
      tenantid: WORKSPACE,
      datacontenttype: "application/json",
      time: new Date().toISOString(),
      data: {
        "@type": "type.googleapis.com/workflows.v1.WorkflowStepLifecycleEvent",
        run_id: runId,
        workspace_id: WORKSPACE,
        definition_version: 1,
        step: {
          step_id: stepIdOf(stepIndex),
          step_type: "STEP_TYPE_AGENT_ACTION",
          output_payload: { id: runId, ok: true, note: NOTE },
        },
        operation: what,
      },
    };
    bus.publish(type, JSON.stringify(event), { reply: `${ACKS}.${seq}` });
  };
}

/** Calls the owner; `answered` gets the id of the objective. */
function createCaller(
  { ownerUrl }: Platform,
  answered: (place: Place, objectiveId: string) => void,
) {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  const url = `${ownerUrl}/objectives.v1.ObjectiveService/Create`;
  return (place: Place, body: Uint8Array) => {
    const asked = request(url, {
      agent,
      method: "POST",
      headers: {
        "content-type": "application/proto",
        "content-length": body.length,
        "idempotency-key": `${place.runId}/${place.stepIndex}/1/create`,
      },
    });
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const from = ID_LENGTH_AT + 1;
        const to = from + bytes.readUInt8(ID_LENGTH_AT);
        answered(place, bytes.toString("latin1", from, to));
      });
    });
    asked.end(body);
  };
}

function requestOf(runId: string, key: string, stepIndex: number): Uint8Array {
  const asked = {
    run_id: runId,
    step_id: stepIdOf(stepIndex),
    attempt: 1,
    input: { id: key, note: NOTE },
  };
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(WORKSPACE);
  writer.tag(2, WireType.LengthDelimited).string(AGENT);
  writer.tag(5, WireType.LengthDelimited).string(JSON.stringify(asked));
  return writer.finish();
}

function stepIdOf(stepIndex: number): string {
  return stepIndex === LINE_STEPS - 1 ? LAST_STEP : `s${stepIndex}`;
}
