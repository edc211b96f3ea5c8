/** A trigger → `on:`. Boundary: undefined for the trigger of a file without `on:`. */
import type { TriggerDefinition, TriggerType } from "../engine/values/definition.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Written } from "./write-step.ts";

const EVERY = /^@every (\S+)$/;
const IN_ZONE = /^CRON_TZ=(\S+) (.+)$/;

/** The value of `on:`. */
export function writeTrigger(trigger: TriggerDefinition): Written | undefined {
  if (trigger.written === "unset") return undefined;
  if (trigger.written === "empty") return {};
  return forms[trigger.triggerType](trigger);
}

const forms: Readonly<Record<TriggerType, (trigger: TriggerDefinition) => Written>> = {
  MANUAL: () => "manual",
  WORKFLOW: ({ parentWorkflowId }) =>
    parentWorkflowId === "" ? "workflow" : { workflow: parentWorkflowId },
  EVENT: ({ eventType, eventSubject, filterExpr }) => ({
    ...named("event", eventType),
    ...named("subject", eventSubject),
    ...named("when", filterExpr),
  }),
  WEBHOOK: ({ tapProvider, tapEntityType, tapAction, filterExpr }) => ({
    webhook: {
      ...named("provider", tapProvider),
      ...named("entity", tapEntityType),
      ...named("action", tapAction),
    },
    ...named("when", filterExpr),
  }),
  SCHEDULE: ({ cronExpr }) => {
    const [, zone, inZone] = IN_ZONE.exec(cronExpr) ?? [];
    const line = inZone ?? cronExpr;
    const every = EVERY.exec(line)?.[1];
    return {
      ...(every === undefined ? { schedule: line } : { every }),
      ...(zone === undefined ? {} : { zone }),
    };
  },
};

function named(key: string, text: string): JsonObject {
  return text === "" ? {} : { [key]: text };
}
