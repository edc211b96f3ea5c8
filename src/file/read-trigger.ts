/** `on:` of a file → the trigger. Boundary: forms; patterns, filters and cron lines are the engine's check. */
import { TRIGGER_WIRE_NAMES, type TriggerField } from "../engine/graph/check-trigger.ts";
import type { TriggerDefinition } from "../engine/values/definition.ts";
import { placeOf } from "./faults.ts";
import { type Entry, type FileNode, findEntry, type MappingNode } from "./nodes.ts";
import { type Reading, readExpressionText, readKnown, readText } from "./read-values.ts";

type Facts = Omit<TriggerDefinition, "triggerType" | "written">;

const NO_FACTS: Facts = {
  eventType: "",
  eventSubject: "",
  tapProvider: "",
  tapEntityType: "",
  tapAction: "",
  cronExpr: "",
  parentWorkflowId: "",
  filterExpr: "",
};
/** The keys of each form of `on:`. */
const EVENT_KEYS = ["event", "subject", "when"] as const;
const WEBHOOK_KEYS = ["webhook", "when"] as const;
const TAP_KEYS = ["provider", "entity", "action"] as const;
const SCHEDULE_KEYS = ["schedule", "zone", "every"] as const;

/** The keys of `on:`. */
const TRIGGER_KEYS: readonly string[] = [
  ...new Set([...EVENT_KEYS, ...WEBHOOK_KEYS, ...SCHEDULE_KEYS, "workflow"]),
];

/** A file without `on:`: runs are started by a call. */
const NO_TRIGGER: TriggerDefinition = {
  triggerType: "MANUAL",
  ...NO_FACTS,
  written: "unset",
};

/** The trigger that `on:` says. */
export function readTrigger(entry: Entry | undefined, reading: Reading): TriggerDefinition {
  if (entry === undefined) return NO_TRIGGER;
  const { value } = entry;
  reading.places.set("trigger", value);
  if (value.kind === "mapping") return readForm(value, reading);
  if (value.kind === "scalar" && value.value === "manual")
    return { triggerType: "MANUAL", ...NO_FACTS };
  if (value.kind === "scalar" && value.value === "workflow") {
    return { triggerType: "WORKFLOW", ...NO_FACTS };
  }
  reading.faults.add(
    placeOf(value),
    "on is manual, workflow, or a mapping with event, webhook, schedule or every",
  );
  return NO_TRIGGER;
}

function readForm(node: MappingNode, reading: Reading): TriggerDefinition {
  if (node.entries.length === 0) return { triggerType: "MANUAL", ...NO_FACTS, written: "empty" };
  const has = (key: string) => findEntry(node, key) !== undefined;
  if (has("webhook")) return { triggerType: "WEBHOOK", ...readWebhook(node, reading) };
  if (has("schedule") || has("every"))
    return { triggerType: "SCHEDULE", ...readSchedule(node, reading) };
  if (has("workflow")) {
    return {
      triggerType: "WORKFLOW",
      ...readFacts(node, reading, { workflow: "parentWorkflowId" }),
    };
  }
  const known = has("event") || has("subject") ? EVENT_KEYS : TRIGGER_KEYS;
  readKnown(node, "on", known, reading.faults);
  if (known === TRIGGER_KEYS) return NO_TRIGGER;
  return { triggerType: "EVENT", ...readEvent(node, reading) };
}

function readEvent(node: MappingNode, reading: Reading): Facts {
  return readFacts(node, reading, {
    event: "eventType",
    subject: "eventSubject",
    when: "filterExpr",
  });
}

function readWebhook(node: MappingNode, reading: Reading): Facts {
  const webhook = findEntry(node, "webhook")?.value;
  const outer = node.entries.filter(({ key }) => key !== "webhook");
  const { filterExpr } = readFacts({ ...node, entries: outer }, reading, { when: "filterExpr" });
  if (webhook === undefined || webhook.kind !== "mapping") {
    if (webhook !== undefined) readKnown(webhook, "webhook", TAP_KEYS, reading.faults);
    return { ...NO_FACTS, filterExpr };
  }
  const names = { provider: "tapProvider", entity: "tapEntityType", action: "tapAction" } as const;
  return { ...readFacts(webhook, reading, names), filterExpr };
}

function readSchedule(node: MappingNode, reading: Reading): Facts {
  const { faults, places } = reading;
  const entries = readKnown(node, "a schedule", SCHEDULE_KEYS, faults);
  const find = (key: string) => entries.find((entry) => entry.key === key)?.value;
  const [schedule, zone, every] = [find("schedule"), find("zone"), find("every")];
  const line = schedule ?? every;
  if (line !== undefined) places.set("trigger.cron_expr", line);
  if (schedule !== undefined && every !== undefined) {
    faults.add(placeOf(every), "a schedule has schedule or every, not both");
  }
  const inZone = zone === undefined ? "" : `CRON_TZ=${readText(zone, faults)} `;
  if (schedule !== undefined) return { ...NO_FACTS, cronExpr: inZone + readText(schedule, faults) };
  return {
    ...NO_FACTS,
    cronExpr: `${inZone}@every ${every === undefined ? "" : period(every, reading)}`,
  };
}

/** A number is seconds. */
function period(node: FileNode, { faults }: Reading): string {
  if (node.kind === "scalar" && typeof node.value === "number") return `${node.value}s`;
  return readText(node, faults);
}

/** The facts that keys of a mapping say; other keys are faults. */
function readFacts(
  node: MappingNode,
  reading: Reading,
  names: Readonly<Record<string, TriggerField>>,
): Facts {
  const facts: Record<TriggerField, string> = { ...NO_FACTS };
  for (const { key, value } of readKnown(node, "on", Object.keys(names), reading.faults)) {
    const fact = names[key];
    if (fact === undefined) continue;
    facts[fact] =
      fact === "filterExpr"
        ? readExpressionText(value, reading.faults)
        : readText(value, reading.faults);
    reading.places.set(`trigger.${TRIGGER_WIRE_NAMES[fact]}`, value);
  }
  return facts;
}
