/**
 * Events from outside, of leads: one starts a run, a later one ends its wait.
 * Boundary: publishes each event until the bus has stored it, under the same id; nothing of the service polls for them.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "nats";
import { StepType, TriggerType } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Replica } from "./replicas.ts";

const WORKSPACE = "ws_1";
const CREATED = "siphon.tap.crm.lead.created";
const REPLIED = "siphon.tap.crm.lead.replied";
const EVERY_MS = 40;
/** A lead replies once so many more were made. */
const REPLIES_BEHIND = 10;
const PUBLISH_MS = 1_000;

/** Events under way. */
export interface LeadEvents {
  /** Publishes no more leads; resolves with the ids of those that were stored, once each has replied. */
  finish(): Promise<readonly string[]>;
}

/** Publishes the workflow and begins to publish events. */
export async function startLeads(replica: Replica, bus: NatsConnection): Promise<LeadEvents> {
  const wanted = { workspaceId: WORKSPACE, name: "leads" };
  const definitionId = (await replica.workflows.createDefinition(wanted)).definition?.id ?? "";
  await replica.workflows.publishVersion({
    definitionId,
    steps: [
      {
        ...{ id: "reply", stepType: StepType.WAIT_FOR_EVENT, eventTypePattern: REPLIED },
        config: { filter_expr: "lead == input.lead" },
      },
    ],
    trigger: { triggerType: TriggerType.EVENT, eventType: CREATED },
  });
  let stopping = false;
  async function publish(type: string, id: string, lead: number): Promise<string> {
    const event = { specversion: "1.0", source: "crm", tenantid: WORKSPACE, id, type };
    const text = JSON.stringify({ ...event, subject: type, data: { lead } });
    for (;;) {
      try {
        await bus.jetstream().publish(type, text, { msgID: id, timeout: PUBLISH_MS });
        return id;
      } catch {
        // No leader, or no answer in time: the same id makes repeats harmless.
        await delay(EVERY_MS);
      }
    }
  }
  async function publishAll(): Promise<string[]> {
    const leads: Promise<string>[] = [];
    const replies: Promise<string>[] = [];
    const reply = (lead: number) => replies.push(publish(REPLIED, `replied-${lead}`, lead));
    for (let lead = 0; !stopping; lead += 1) {
      leads.push(publish(CREATED, `created-${lead}`, lead));
      if (lead >= REPLIES_BEHIND) reply(lead - REPLIES_BEHIND);
      await delay(EVERY_MS);
    }
    for (let lead = replies.length; lead < leads.length; lead += 1) reply(lead);
    await Promise.all(replies);
    return await Promise.all(leads);
  }
  const running = publishAll();
  return {
    async finish() {
      stopping = true;
      return await running;
    },
  };
}
