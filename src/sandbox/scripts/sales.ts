/**
 * The outbound sales story: three agents of an SDR team, a sales manager who approves, and a lead
 * who answers the mail.
 *
 * Boundary: data for the sandbox; the workflow it belongs to is written elsewhere. The steps it
 * knows are `research-company`, `qualify-lead` and `send-outreach`.
 */
import { readText } from "../agent-task.ts";
import type { AgentTask, SandboxScript } from "../script.ts";
import type { TapEvent } from "../tap.ts";

/** Turns of the story. */
export interface SalesOptions {
  /** The manager says no. */
  readonly deny?: boolean;
  /** Sending the mail fails, every time. */
  readonly fail?: boolean;
}

/** What the research of a company costs, in USD, and how long it takes, in ms. */
export const RESEARCH_COST_USD = 0.042;
export const RESEARCH_MS = 1_200;

const DEFAULT_COMPANY = "Northwind Robotics";
const DEFAULT_CONTACT = "dana.reyes@northwind.example";
const SUBJECT = "Cutting line changeover time";

/** The script of the story. Its delays let a watcher follow it. */
export function writeSalesScript(options: SalesOptions = {}): SandboxScript {
  return {
    agents: [
      { id: "agent_researcher", name: "Researcher", capabilities: ["company-research"] },
      { id: "agent_sdr", name: "SDR", capabilities: ["lead-qualification"] },
      { id: "agent_outreach", name: "Outreach", capabilities: ["email-outreach"] },
    ],
    tasks: [
      {
        match: { stepId: "research-company" },
        reply: { afterMs: RESEARCH_MS, output: researchCompany, costUsd: RESEARCH_COST_USD },
      },
      {
        match: { stepId: "qualify-lead" },
        reply: {
          afterMs: 900,
          output: { deal_value_usd: 85_000, score: 0.87, fit: "strong" },
          costUsd: 0.0185,
        },
      },
      {
        match: { stepId: "send-outreach" },
        reply: options.fail
          ? { afterMs: 400, fail: "the mail provider refused the message: mailbox is full" }
          : {
              afterMs: 700,
              output: { message_id: "msg_outreach_1", subject: SUBJECT },
              costUsd: 0.0121,
              followedBy: { afterMs: 1_500, event: writeMailReply },
            },
      },
    ],
    approvals: [
      {
        match: {},
        decision: options.deny ? "denied" : "approved",
        afterMs: 1_500,
        decidedBy: "user_sales_manager",
        reason: options.deny
          ? "We are already talking to their head of operations."
          : "Strong fit, go ahead.",
      },
    ],
  };
}

function researchCompany(task: AgentTask) {
  return researchOf(findText(task, "company"));
}

/** What is found out about a company; one that is no text is the company of the story. */
export function researchOf(company: unknown): { [key: string]: string | number | string[] } {
  return {
    company: typeof company === "string" ? company : DEFAULT_COMPANY,
    employees: 420,
    industry: "Industrial automation",
    signals: ["opened a second plant", "is hiring a head of operations"],
  };
}

/** The lead's answer to the mail, as the siphon sees it arrive. */
function writeMailReply(task: AgentTask): TapEvent {
  return {
    workspaceId: task.workspaceId,
    provider: "gmail",
    entityType: "message",
    entityId: `msg_reply_${task.objectiveId}`,
    action: "received",
    snapshot: {
      from: findText(task, "contact_email") ?? DEFAULT_CONTACT,
      subject: `Re: ${SUBJECT}`,
      body: "Good timing, we are looking at exactly this. Could we talk on Thursday?",
    },
  };
}

function findText(task: AgentTask, name: string): string | undefined {
  return readText(task.input, name) ?? readText(task.parameters, name);
}
