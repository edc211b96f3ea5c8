/** What starts a workflow, as icon and words. */
import { CalendarClock, Hand, type LucideIcon, Radio, Webhook, Workflow } from "lucide-react";
import { TriggerType, type WorkflowTrigger } from "../../../../gen/workflows/v1/workflows_pb.ts";

const TYPES: Readonly<Record<TriggerType, readonly [icon: LucideIcon, word: string]>> = {
  [TriggerType.UNSPECIFIED]: [Hand, "By hand"],
  [TriggerType.MANUAL]: [Hand, "By hand"],
  [TriggerType.EVENT]: [Radio, "Event"],
  [TriggerType.SCHEDULE]: [CalendarClock, "Schedule"],
  [TriggerType.WEBHOOK]: [Webhook, "Webhook"],
  [TriggerType.WORKFLOW]: [Workflow, "Another workflow"],
};

export function Trigger({ type }: { readonly type: TriggerType }) {
  const [Icon, word] = TYPES[type] ?? TYPES[TriggerType.UNSPECIFIED];
  return (
    <span className="with-icon">
      <Icon size={14} aria-hidden="true" />
      {word}
    </span>
  );
}

/** What a version waits for, in one line; "" where its type says all. */
export function triggerDetail(trigger: WorkflowTrigger | undefined): string {
  if (trigger === undefined) return "";
  const { eventType, eventSubject, cronExpr, tapProvider, tapEntityType, tapAction } = trigger;
  const tap = [tapProvider, tapEntityType, tapAction].filter((part) => part !== "").join(" / ");
  const subject = eventSubject === "" ? "" : ` of ${eventSubject}`;
  const filter = trigger.filterExpr === "" ? "" : ` where ${trigger.filterExpr}`;
  return (cronExpr || (eventType && `${eventType}${subject}`) || tap) + filter;
}
