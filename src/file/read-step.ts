/**
 * One step of a file → a step of the version.
 * Boundary: its own keys; `next`, `needs`, `when`, `then`, `else`, `on` and children are paths.ts's.
 */
import type { StepDefinition } from "../engine/values/definition.ts";
import { type Json, type JsonObject, putValue } from "../engine/values/json.ts";
import type { StepDraft } from "./drafts.ts";
import { placeOf } from "./faults.ts";
import { type Entry, isNull, keyPlace, toJson } from "./nodes.ts";
import {
  listed,
  type Reading,
  readKnown,
  readRetry,
  readSeconds,
  readText,
  requireMapping,
  unknownKey,
} from "./read-values.ts";
import {
  putConfig,
  readBranch,
  readEscalate,
  readOnError,
  readRun,
  readWait,
  SPECIAL_BESIDE,
  type StepInMaking,
} from "./special-keys.ts";
import { keysBeside, type ShortKey, STEP_KINDS, TEXT_FIELDS, type TextField } from "./step-keys.ts";

/** Keys that say how steps follow one another. */
export const PATH_KEYS: readonly string[] = ["next", "needs", "when", "on"];
/** Keys of every step besides those of its kind. */
export const EVERY_STEPS_KEYS: readonly string[] = [
  ...["name", "timeout", "on_timeout", "retry", "on_error", "undo"],
  ...PATH_KEYS,
  ...["config", "fields"],
];

const FIELD_NAMES = Object.keys(TEXT_FIELDS).filter((name) => name !== "name");

/** The step with its places; what it does not say is unset. */
export function readStep(draft: StepDraft, index: number, reading: Reading): StepDefinition {
  const { node, id, kind, undoId } = draft;
  const field = `steps[${index}]`;
  const step: StepInMaking = { ...reading, field, node, config: {}, texts: new Map() };
  reading.places.set(field, draft.place);
  if (draft.undoPlace !== undefined) {
    reading.places.set(`${field}.compensation_step_id`, draft.undoPlace);
  }
  readKindKeys(step, draft);
  const hasRawConfig = readRaw(step);
  const text = (name: TextField) => step.texts.get(name) ?? "";
  const retry = node.entries.find(({ key }) => key === "retry");
  const isEmptyConfig = hasRawConfig && Object.keys(step.config).length === 0;
  return {
    id,
    name: text("name"),
    stepType: (kind === undefined ? undefined : STEP_KINDS[kind]?.type) ?? "UNSPECIFIED",
    agentId: text("agent_id"),
    requiredCapability: text("required_capability"),
    actionType: text("action_type"),
    riskLevel: text("risk_level"),
    eventTypePattern: text("event_type_pattern"),
    eventSubjectPattern: text("event_subject_pattern"),
    notificationChannel: text("notification_channel"),
    notificationTemplate: text("notification_template"),
    conditionExpr: text("condition_expr"),
    compensationStepId: undoId,
    config: step.config,
    ...(isEmptyConfig ? { emptyConfig: true as const } : {}),
    ...(retry === undefined
      ? {}
      : { retryPolicy: readRetry(retry.value, `${field}.retry_policy`, reading) }),
    timeoutSeconds: readTimeout(step),
    promptName: text("prompt_name"),
    skillId: text("skill_id"),
  };
}

function readTimeout(step: StepInMaking): number {
  const timeout = step.node.entries.find(({ key }) => key === "timeout");
  if (timeout === undefined) return 0;
  step.places.set(`${step.field}.timeout_seconds`, timeout.value);
  return readSeconds(timeout.value, step.faults);
}

function readKindKeys(step: StepInMaking, { kind, role }: StepDraft): void {
  const keys = shortKeys(kind);
  const special = kind === undefined ? [] : (SPECIAL_BESIDE[kind] ?? []);
  for (const entry of step.node.entries) {
    const { key, value } = entry;
    const short = keys.find((each) => each.key === key);
    if (short !== undefined) readShort(step, short, entry);
    else if (key === kind) readOwn(step, kind, entry);
    else if (key === "name") {
      step.texts.set("name", readText(value, step.faults));
      step.places.set(`${step.field}.name`, value);
    } else if (key === "on_timeout") putConfig(step, "timeout_action", value, "plain");
    else if (key === "on_error") readOnError(step, entry);
    else if (key === "escalate" && special.includes(key)) readEscalate(step, entry);
    else if (key === "id" && role === "undo") step.places.set(`${step.field}.id`, value);
    else if (kind !== undefined && !EVERY_STEPS_KEYS.includes(key) && !special.includes(key)) {
      refuseKey(step, kind, entry);
    }
  }
}

/** The short keys of a kind, its own and those beside it. */
function shortKeys(kind: string | undefined): readonly ShortKey[] {
  if (kind === undefined) return [];
  const own = kind === "agent" || kind === "capability" ? ["agent", "capability"] : [kind];
  return [...own.flatMap((each) => STEP_KINDS[each]?.own ?? []), ...keysBeside(kind)];
}

/** The value of a kind's own key where it is no short key. */
function readOwn(step: StepInMaking, kind: string, { value }: Entry): void {
  if (kind === "run") readRun(step, value);
  else if (kind === "wait") readWait(step, value);
  else if (kind === "branch") readBranch(step, value);
}

function readShort(step: StepInMaking, short: ShortKey, { key, value }: Entry): void {
  // The key of a kind without a value only says the kind.
  if (Object.hasOwn(STEP_KINDS, key) && isNull(value)) return;
  if ("config" in short) {
    putConfig(step, short.config, value, short.form);
    return;
  }
  step.texts.set(short.field, readText(value, step.faults));
  step.places.set(`${step.field}.${short.field}`, value);
}

function refuseKey(step: StepInMaking, kind: string, entry: Entry): void {
  const { key } = entry;
  if (Object.hasOwn(STEP_KINDS, key)) return;
  const special = SPECIAL_BESIDE[kind] ?? [];
  const known = [...shortKeys(kind).map((each) => each.key), ...special, ...EVERY_STEPS_KEYS];
  const elsewhere = Object.keys(STEP_KINDS).filter((other) =>
    [...keysBeside(other).map((each) => each.key), ...(SPECIAL_BESIDE[other] ?? [])].includes(key),
  );
  step.faults.add(
    keyPlace(entry),
    elsewhere.length > 0
      ? `"${key}" is a key of ${listed(elsewhere)}, not of ${kind}`
      : unknownKey(key, kind, known),
  );
}

/** `config:` and `fields:`, which say in the contract's words what no key of the file says. Whether `config:` is there. */
function readRaw(step: StepInMaking): boolean {
  const config = step.node.entries.find(({ key }) => key === "config");
  const fields = step.node.entries.find(({ key }) => key === "fields");
  const raw =
    config === undefined
      ? undefined
      : requireMapping(config.value, "config must be a mapping", step.faults);
  for (const entry of raw?.entries ?? []) {
    if (Object.hasOwn(step.config, entry.key)) {
      step.faults.add(keyPlace(entry), `another key of the step says this already`);
    } else putRaw(step, entry.key, entry, toJson(entry.value));
  }
  if (fields === undefined) return config !== undefined;
  for (const { key, value } of readKnown(fields.value, "fields", FIELD_NAMES, step.faults)) {
    const name = FIELD_NAMES.find((each): each is TextField => each === key);
    if (name === undefined) continue;
    if (step.texts.has(name))
      step.faults.add(placeOf(value), "another key of the step says this already");
    step.texts.set(name, readText(value, step.faults));
    step.places.set(`${step.field}.${name}`, value);
  }
  return config !== undefined;
}

function putRaw(step: StepInMaking, key: string, { value }: Entry, json: Json): void {
  const config: JsonObject = step.config;
  putValue(config, key, json);
  step.places.set(`${step.field}.config.${key}`, value);
}
