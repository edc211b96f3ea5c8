/**
 * Moves of runs and steps, and changes of definitions, as the events that the bus sees.
 * Boundary: pure. A move carries what it changed; payloads and constant fields come from the current rows.
 * Invariants:
 * 1. The id of an event is fixed by its move: `<run>-<seq>-<place in the row>`; the same move gives the same id always.
 * 2. A move without operation is not published.
 */
import {
  hasOutput,
  inputOf,
  outputOf,
  type PayloadSource,
  PayloadTooLarge,
  runOutput,
} from "../../engine/draft/payloads.ts";
import { isJsonObject, type Json, type JsonObject } from "../../engine/values/json.ts";
import type { Move } from "../../engine/values/move.ts";
import { HAS_ROW, type RunState, type StepRun } from "../../engine/values/run.ts";
import type { EventAttributes } from "./attributes.ts";
import { type EventFormat, encodeEvent, fitsBus, type OutgoingEvent } from "./cloud-events.ts";
import { CHANGE, changeData, type EventPayloads, RUN_EVENT, runEventData } from "./event-data.ts";
import { STEP_EVENT, stepEventData } from "./step-event-data.ts";

/** A move with everything that its event contains. */
export interface MoveToPublish {
  readonly move: Move;
  readonly seq: number;
  /** Place of the move in its row of the history. */
  readonly place: number;
  readonly recordedAt: Date;
  /** The run's state after the move. */
  readonly runState: RunState;
  /** The run, its rows and its input in their current state. */
  readonly source: PayloadSource;
}

type RunMove = Extract<Move, { of: "run" }>;
type StepMove = Extract<Move, { of: "step" }>;

/** Data of an event, the smaller forms of it after the full one. */
type DataForms = (() => string)[];

/** The event of a move, undefined when it is not published. Throws what the source's `peek` throws. */
export function renderMove(format: EventFormat, item: MoveToPublish): OutgoingEvent | undefined {
  const { move } = item;
  if (move.op === undefined) return undefined;
  if (move.of === "run") return renderRunMove(format, item, move, move.op);
  return renderStepMove(format, item, move, move.op);
}

function renderRunMove(
  format: EventFormat,
  item: MoveToPublish,
  move: RunMove,
  operation: string,
): OutgoingEvent {
  const { source, recordedAt } = item;
  const attributes = attributesOf(item, `run.${operation}`, RUN_EVENT, move.reason ?? "");
  const recorded = {
    ...{ graph: source.graph, run: source.run, move },
    ...{ recordedAtMs: recordedAt.getTime(), recordedAt: attributes.time },
  };
  const forms = [
    () => runEventData(recorded, runPayloads(source, move)),
    () => runEventData(recorded, {}),
    () => runEventData(recorded, {}, false),
  ];
  return encodeSmall(format, attributes, forms, () => {
    return `workflows.v1.WorkflowService/GetRun?${query({ id: source.run.id })}`;
  });
}

function runPayloads(source: PayloadSource, move: RunMove): EventPayloads {
  return {
    ...(source.run.inputUnset ? {} : { input: source.runInput() }),
    ...(move.to === "COMPLETED" ? { output: runOutput(source) } : {}),
  };
}

function renderStepMove(
  format: EventFormat,
  item: MoveToPublish,
  move: StepMove,
  operation: string,
): OutgoingEvent {
  const { source, runState } = item;
  const { graph, run } = source;
  const step = graph.steps[move.step];
  if (step === undefined) throw new Error(`run ${run.id}: its version has no step ${move.step}`);
  const begun = ((run.stepMarks[move.step] ?? 0) & HAS_ROW) !== 0 && move.to !== "SKIPPED";
  const row = begun ? source.peek(move.step) : undefined;
  const attributes = attributesOf(item, `step.${operation}`, STEP_EVENT, "");
  const recorded = { source, runState, step, row, move, recordedAt: attributes.time };
  const bare = () => stepEventData(recorded, {});
  const forms =
    row === undefined
      ? [bare]
      : [() => stepEventData(recorded, stepPayloads(source, move, row)), bare];
  return encodeSmall(format, attributes, forms, () => {
    const ids = query({ run_id: run.id, step_id: step.def.id });
    return `workflows.ops.v1.Runs/GetPayload?${ids}`;
  });
}

function stepPayloads(source: PayloadSource, move: StepMove, row: StepRun): EventPayloads {
  const givesOutput = (move.op === "completed" || move.op === "failed") && hasOutput(row);
  return {
    input: inputOf(source, move.step),
    ...(givesOutput ? { output: outputOf(source, move.step) } : {}),
  };
}

function attributesOf(
  item: MoveToPublish,
  operation: string,
  messageName: string,
  reason: string,
): EventAttributes {
  const { run } = item.source;
  return {
    id: `${run.id}-${item.seq}-${item.place}`,
    type: `workflows.changes.${operation}`,
    source: "workflows",
    workspaceId: run.workspaceId,
    key: run.id,
    time: item.recordedAt.toISOString(),
    messageName,
    extensions: {
      workflowhops: run.hops,
      ...(run.environment === undefined ? {} : { environment: run.environment }),
      ...(reason === "" ? {} : { reason: oneLine(reason) }),
    },
  };
}

/** Attributes of a CloudEvent hold no control characters (CloudEvents 1.0, type system, String). */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

/** The first form that fits the bus; a smaller one says where the rest can be read. */
function encodeSmall(
  format: EventFormat,
  attributes: EventAttributes,
  forms: DataForms,
  dataref: () => string,
): OutgoingEvent {
  const [full, ...smaller] = forms;
  if (full === undefined) throw new Error(`event ${attributes.id} has no data`);
  let event: OutgoingEvent | undefined = encodeFull(format, attributes, full);
  for (const form of smaller) {
    if (event !== undefined && fitsBus(event)) break;
    const extensions = { ...attributes.extensions, dataref: dataref() };
    event = encodeEvent(format, { ...attributes, extensions }, form());
  }
  if (event === undefined) throw new Error(`event ${attributes.id} has no form without payloads`);
  return event;
}

/** Undefined when a payload was not loaded, because no event could carry it. */
function encodeFull(
  format: EventFormat,
  attributes: EventAttributes,
  full: () => string,
): OutgoingEvent | undefined {
  try {
    return encodeEvent(format, attributes, full());
  } catch (error) {
    if (error instanceof PayloadTooLarge) return undefined;
    throw error;
  }
}

function query(fields: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(fields).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  return pairs.join("&");
}

/** The event of a definition's or version's change, from the row that was kept with it. */
export function renderChange(format: EventFormat, kept: JsonObject): OutgoingEvent {
  const keptText = (name: string) => textOf(kept[name]);
  const change = {
    workspaceId: keptText("workspaceId"),
    aggregateType: keptText("aggregateType"),
    aggregateId: keptText("aggregateId"),
    operation: keptText("operation"),
    recordedAt: new Date(keptText("recordedAt")).toISOString(),
    payload: isJsonObject(kept.payload) ? kept.payload : {},
  };
  const attributes: EventAttributes = {
    id: keptText("id"),
    type: keptText("type"),
    source: "workflows",
    workspaceId: change.workspaceId,
    key: change.aggregateId,
    time: change.recordedAt,
    messageName: CHANGE,
    extensions: {},
  };
  return encodeEvent(format, attributes, changeData(change));
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
