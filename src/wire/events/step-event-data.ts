/**
 * Data of the events of steps, the text of a WorkflowStepLifecycleEvent in proto3 JSON: as event-data.ts for runs.
 * Boundary: pure. A transition of many steps makes two events of each, so what they have in common is written once: the
 * fields of the run, those of the step's definition, and a payload that one step hands to the next.
 */
import type { GraphStep } from "../../engine/graph/graph.ts";
import { decisionName } from "../../engine/values/enum-names.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import type { Move } from "../../engine/values/move.ts";
import { isFinalStep, type Run, type RunState, type StepRun } from "../../engine/values/run.ts";
import { type EventPayloads, TYPE_PREFIX, withoutZeros } from "./event-data.ts";
import { numberField, quoted, textField } from "./event-text.ts";

/** The full name of the message. */
export const STEP_EVENT = "workflows.v1.WorkflowStepLifecycleEvent";

/** A step's move, its run and its row as they are now; a step that is skipped or has no row has none. */
export interface RecordedStepMove {
  /** One for all events of the run that are made together: what they share is kept as long as it. */
  readonly source: { readonly run: Run };
  /** The run's state after the move. */
  readonly runState: RunState;
  readonly step: GraphStep;
  readonly row: StepRun | undefined;
  readonly move: Extract<Move, { of: "step" }>;
  readonly recordedAt: string;
}

/** The texts that the events of a run share. */
interface RunTexts {
  readonly beforeState: string;
  readonly afterState: string;
  /** The payload that was written last. */
  payload: JsonObject | undefined;
  payloadText: string;
}

// Not kept with the run: of one that waits the rest of the service keeps the run, and no event is made of it for long.
const runTexts = new WeakMap<RecordedStepMove["source"], RunTexts>();
// Kept as long as the version is in memory.
const stepTexts = new WeakMap<GraphStep, string>();
let lastTime = { ms: Number.NaN, text: "" };

/** The step as it was right after the move. */
export function stepEventData(recorded: RecordedStepMove, payloads: EventPayloads): string {
  const { source, runState, step, row, move, recordedAt } = recorded;
  const texts = runTextsOf(source);
  const begun = row === undefined ? "" : begunText(texts, row, move, payloads);
  const operation = move.op === undefined ? "" : `,"operation":"${move.op}"`;
  return (
    `${texts.beforeState}${runState}${texts.afterState}` +
    `${numberField("workflow_total_cost_usd", move.total)},"step":{${stepTextOf(step)}` +
    `,"state":"STEP_RUN_STATE_${move.to}"${begun}}${operation}` +
    `,"recorded_at":"${withoutZeros(recordedAt)}"}`
  );
}

/** Values of the move win over the row's, which may be later ones. */
function begunText(
  texts: RunTexts,
  row: StepRun,
  move: RecordedStepMove["move"],
  { input, output }: EventPayloads,
): string {
  const { ids = {} } = move;
  return (
    textField("objective_id", ids.objective_id) +
    textField("agent_id", ids.agent_id) +
    textField("delegation_id", ids.delegation_id) +
    textField("approval_request_id", ids.approval_request_id) +
    textField("governance_decision", decisionName(ids.governance_decision ?? "")) +
    textField("event_id", ids.event_id) +
    textField("notification_id", ids.notification_id) +
    textField("error_message", move.error) +
    numberField("retry_count", move.retry) +
    numberField("cost_usd", move.cost) +
    timeField("started_at", row.startedAtMs) +
    (isFinalStep(move.to) ? timeField("completed_at", row.completedAtMs) : "") +
    payloadField(texts, "input_payload", input) +
    payloadField(texts, "output_payload", output)
  );
}

function runTextsOf(source: RecordedStepMove["source"]): RunTexts {
  const known = runTexts.get(source);
  if (known !== undefined) return known;
  const { run } = source;
  const made = {
    beforeState:
      `{"@type":"${TYPE_PREFIX}${STEP_EVENT}","run_id":${quoted(run.id)}` +
      textField("definition_id", run.definitionId) +
      numberField("definition_version", run.definitionVersion) +
      `${textField("workspace_id", run.workspaceId)},"workflow_state":"WORKFLOW_STATE_`,
    afterState:
      `","trigger_type":"TRIGGER_TYPE_${run.triggerType}"` +
      textField("trigger_event_id", run.triggerEventId) +
      textField("initiator_agent_id", run.initiatorAgentId) +
      textField("initiator_user_id", run.initiatorUserId) +
      textField("parent_run_id", run.parentRunId) +
      textField("entity_id", run.entityId) +
      textField("entity_type", run.entityType),
    payload: undefined,
    payloadText: "",
  };
  runTexts.set(source, made);
  return made;
}

function stepTextOf(step: GraphStep): string {
  const known = stepTexts.get(step);
  if (known !== undefined) return known;
  const { def, type } = step;
  const made = `"step_id":${quoted(def.id)}${textField("step_name", def.name)},"step_type":"STEP_TYPE_${type}"`;
  stepTexts.set(step, made);
  return made;
}

function payloadField(texts: RunTexts, name: string, payload: JsonObject | undefined): string {
  if (payload === undefined) return "";
  if (texts.payload !== payload) {
    texts.payload = payload;
    texts.payloadText = JSON.stringify(payload);
  }
  return `,"${name}":${texts.payloadText}`;
}

function timeField(name: string, ms: number | undefined): string {
  if (ms === undefined) return "";
  if (lastTime.ms !== ms) lastTime = { ms, text: withoutZeros(new Date(ms).toISOString()) };
  return `,"${name}":"${lastTime.text}"`;
}
