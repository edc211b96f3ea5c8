/**
 * What the stand-in collaborators do, as data: who the agents are, how they answer which task, how
 * approvers and the governance engine decide.
 *
 * Boundary: types and pure look-ups. In every list the first rule that matches holds; a field that
 * a match leaves out matches everything.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Code } from "@connectrpc/connect";
import type { TapEvent } from "./tap.ts";

/** The whole story. What is left out is the plain default: one able agent, no approver. */
export interface SandboxScript {
  readonly agents?: readonly ScriptedAgent[];
  readonly tasks?: readonly TaskRule[];
  readonly approvals?: readonly ApprovalRule[];
  readonly governance?: readonly GovernanceRule[];
  /** Left out: every prompt exists. */
  readonly prompts?: readonly ScriptedPrompt[];
  /** Left out: every skill exists. */
  readonly skills?: readonly ScriptedSkill[];
  /** Left out: every entity that a caller names exists, and no record of another system is known. */
  readonly entities?: readonly ScriptedEntity[];
  /** Left out: no token is good. */
  readonly tokens?: readonly ScriptedToken[];
}

/** An agent as the registry and the agents service report it. */
export interface ScriptedAgent {
  readonly id: string;
  readonly name?: string;
  /** `*` means every capability. */
  readonly capabilities: readonly string[];
  /** Left out: the agent belongs to no workspace and serves all. */
  readonly workspaceId?: string;
  /** As the registry spells it; `active` when left out. */
  readonly status?: AgentHealth;
  /** How many open objectives it takes; 10 when left out. */
  readonly maxObjectives?: number;
  /** How long ago it was last heard of, in milliseconds; 0 when left out. */
  readonly heartbeatAgeMs?: number;
  /** Prompt name to label, as AgentService.GetConfig returns it. */
  readonly promptBindings?: Readonly<Record<string, string>>;
}

/** The states of health that the registry knows. */
export type AgentHealth =
  | "active"
  | "idle"
  | "busy"
  | "degraded"
  | "draining"
  | "unhealthy"
  | "offline"
  | "suspended";

/** What an agent is asked to do: the objective, with its description read as JSON. */
export interface AgentTask {
  readonly objectiveId: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly title: string;
  readonly runId: string;
  readonly stepId: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly actionType: string;
  readonly instructions: string;
  readonly parameters: JsonObject;
  readonly input: JsonObject;
}

/** How tasks of one kind are answered. */
interface TaskRule {
  readonly match: TaskMatch;
  readonly reply: TaskReply;
}

/** Which tasks a rule is about. */
interface TaskMatch {
  readonly stepId?: string;
  readonly actionType?: string;
  /** One that the chosen agent has. */
  readonly capability?: string;
  readonly agentId?: string;
  readonly attempt?: number;
}

/** An agent's answer. Without `fail`, `refuse` or `silent` the task ends well. */
export interface TaskReply {
  /** From the task's creation (or the approval the agent asked for) to its end. */
  readonly afterMs: number;
  readonly output?: JsonObject | ((task: AgentTask) => JsonObject);
  readonly costUsd?: number;
  /** What the agent reports to the meter as spent, in USD, just before the task ends. */
  readonly meteredUsd?: number;
  /** The task ends as failed, with this message. */
  readonly fail?: string;
  /** The objective is not even created: the call is refused with this code. */
  readonly refuse?: Code;
  /** The agent first asks for an approval of its own and works only when it is given. */
  readonly askApproval?: boolean;
  /** The agent never answers. */
  readonly silent?: true;
  /** What happens in the world some time after the task ended well. */
  readonly followedBy?: {
    readonly afterMs: number;
    readonly event: (task: AgentTask) => TapEvent;
  };
}

/** How approval requests of one kind are decided. */
export interface ApprovalRule {
  readonly match: {
    readonly actionType?: string;
    readonly riskLevel?: "low" | "medium" | "high" | "critical";
    readonly approverUserId?: string;
  };
  /** `silent`: no decision comes, whatever the rules below say; such a request is escalated or decided by hand. */
  readonly decision: "approved" | "denied" | "expired" | "auto" | "silent";
  readonly afterMs: number;
  /** The digest that the decision names: that of what was asked, or another. Left out: none. */
  readonly digest?: "asked" | "other";
  readonly decidedBy?: string;
  readonly reason?: string;
}

/** How the governance engine judges actions of one kind. */
export interface GovernanceRule {
  readonly match: { readonly actionType?: string; readonly agentId?: string };
  readonly decision: "allow" | "deny" | "require_approval" | "unspecified";
  readonly riskLevel?: "low" | "medium" | "high" | "critical";
  readonly reasons?: readonly string[];
  /** For `unspecified`: the decision that comes later, by an event. */
  readonly later?: { readonly afterMs: number; readonly decision: "allow" | "deny" };
}

/** A prompt and the version that each of its labels stands for. */
interface ScriptedPrompt {
  readonly name: string;
  readonly labels: Readonly<Record<string, number>>;
}

/** A skill that agents may be given. */
export interface ScriptedSkill {
  readonly id: string;
  readonly name?: string;
  /** Left out: it is everybody's. */
  readonly workspaceId?: string;
}

/** A token that callers may show. */
export interface ScriptedToken {
  readonly token: string;
  /** Whose it is. */
  readonly subject: string;
  /** The organization that it is for. */
  readonly workspaceId: string;
  /** Scopes such as `workflows:run`, or names of roles. */
  readonly scopes: readonly string[];
  /** How long it is good, from the start of the sandbox; for good when left out. */
  readonly lastsMs?: number;
  /** It was good and is no longer. */
  readonly revoked?: true;
}

/** A canonical entity and the records of other systems that it stands for. */
export interface ScriptedEntity {
  readonly id: string;
  readonly kind: EntityKind;
  /** Left out: it belongs to no workspace and is everybody's. */
  readonly workspaceId?: string;
  readonly records?: readonly { readonly provider: string; readonly id: string }[];
}

/** What an entity can be. */
export type EntityKind = "contact" | "company" | "deal" | "ticket" | "customer" | "opportunity";

/** The agents of a script; one that can do everything when it names none. */
export function listAgents(script: SandboxScript): readonly ScriptedAgent[] {
  return script.agents ?? [{ id: "agent_sandbox", name: "Sandbox agent", capabilities: ["*"] }];
}

/** Whether the agent has the capability; the empty one everybody has. */
export function hasCapability(agent: ScriptedAgent, capability: string): boolean {
  return (
    capability === "" || agent.capabilities.includes(capability) || agent.capabilities.includes("*")
  );
}

const DEFAULT_REPLY: TaskReply = { afterMs: 100, output: {} };

/** The reply to a task: the first rule that matches, else an empty output after 100 ms. */
export function findReply(script: SandboxScript, task: AgentTask): TaskReply {
  const agent = listAgents(script).find(({ id }) => id === task.agentId);
  const rule = script.tasks?.find(
    ({ match }) =>
      fits(match.stepId, task.stepId) &&
      fits(match.actionType, task.actionType) &&
      fits(match.agentId, task.agentId) &&
      fits(match.attempt, task.attempt) &&
      (match.capability === undefined ||
        (agent !== undefined && hasCapability(agent, match.capability))),
  );
  return rule?.reply ?? DEFAULT_REPLY;
}

/** Whether a value is the wanted one, or none is wanted. */
export function fits<T>(wanted: T | undefined, value: T): boolean {
  return wanted === undefined || wanted === value;
}
