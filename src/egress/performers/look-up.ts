/**
 * Finding what an agent action needs: its agent, its skill, its prompt.
 * Boundary: reads only, so no call here carries a key; what was found is kept for the next ones.
 * Rule: a skill or a prompt that the step cannot do without is waited for, and is refused where its service is not
 * configured; a prompt that the agent has not bound is a wish, and a silent prompts service is gone on without.
 */
import { AgentService } from "../../../gen/agents/v1/agents_pb.ts";
import { PromptService } from "../../../gen/prompts/v1/prompts_pb.ts";
import { SkillScope, SkillService } from "../../../gen/skills/v1/skills_pb.ts";
import type { Client } from "../../collaborators/clients.ts";
import { type FailOpenDeps, isNotFound, orGoOn } from "../../collaborators/fail-open.ts";
import {
  type FoundPrompt,
  type LookupCache,
  resolutionOf,
} from "../../collaborators/lookup-cache.ts";
import { isId } from "../../wire/calls/replies.ts";
import { decodeLookUp } from "../../wire/calls/requests.ts";
import { type AgentQuestion, findAgents } from "./find-agents.ts";
import type { Performer } from "./performer.ts";

/** What looking up needs. */
export interface LookUpDeps extends FailOpenDeps {
  readonly lookups: LookupCache;
}

const USUAL_LABEL = "production";

/** A part of a look-up that found nothing: the attempt fails with this message. */
class NotFound extends Error {
  override readonly name = "NotFound";
}

/** Finds agent, skill and prompt; none found is a refusal. */
export function performLookUp(deps: LookUpDeps): Performer {
  return async (call, nowMs) => {
    const lookUp = decodeLookUp(call.request);
    const { callId, workspaceId } = call;
    const question: AgentQuestion = { callId, workspaceId, lookUp, nowMs };
    try {
      await checkSkill(deps, question);
      const agentId = lookUp.agentId || (await chooseAgent(deps, question));
      const prompt = await choosePrompt(deps, question, agentId);
      const resolution = resolutionOf(agentId, lookUp.skillId, prompt);
      return { ok: true, value: { kind: "look_up", resolution } };
    } catch (error) {
      if (error instanceof NotFound) return { ok: false, message: error.message };
      throw error;
    }
  };
}

async function chooseAgent(deps: LookUpDeps, question: AgentQuestion): Promise<string> {
  const { workspaceId, capability } = question.lookUp;
  const known = deps.lookups.pickAgent(workspaceId, capability);
  if (known !== undefined) return known;
  const agents = await findAgents(deps, question);
  deps.lookups.keepAgents(workspaceId, capability, agents);
  const chosen = deps.lookups.pickAgent(workspaceId, capability);
  if (chosen === undefined) throw new NotFound(`no healthy agent with capability ${capability}`);
  return chosen;
}

async function checkSkill(deps: LookUpDeps, question: AgentQuestion): Promise<void> {
  const { skillId, workspaceId } = question.lookUp;
  if (skillId === "" || deps.lookups.hasSkill(workspaceId, skillId)) return;
  const skills = deps.clients.require("skills");
  const reply = await orNotFound(skills.ask(SkillService.method.get, { id: skillId }, question));
  if (!isUsable(reply?.skill, workspaceId)) throw new NotFound(`skill ${skillId} is unknown`);
  deps.lookups.keepSkill(workspaceId, skillId);
}

function isUsable(
  skill: { workspaceId: string; scope: SkillScope } | undefined,
  workspaceId: string,
): boolean {
  if (skill === undefined) return false;
  if (skill.scope === SkillScope.GLOBAL || skill.workspaceId === "") return true;
  return skill.workspaceId === workspaceId;
}

async function choosePrompt(
  deps: LookUpDeps,
  question: AgentQuestion,
  agentId: string,
): Promise<FoundPrompt> {
  const { lookUp } = question;
  if (lookUp.promptName === "") return null;
  const known = deps.lookups.findPrompt(agentId, lookUp);
  if (known !== undefined) return known;
  const bound = await findLabel(deps, question, agentId);
  const prompt =
    bound === undefined
      ? await findUsualPrompt(deps, question)
      : await requirePrompt(deps.clients.require("prompts"), question, bound);
  deps.lookups.keepPrompt(agentId, lookUp, prompt);
  return prompt;
}

async function requirePrompt(
  prompts: Client,
  question: AgentQuestion,
  label: string,
): Promise<FoundPrompt> {
  const { promptName: name } = question.lookUp;
  const request = { name, label };
  const asked = prompts.ask(PromptService.method.resolve, request, question);
  const prompt = promptOf(name, (await orNotFound(asked))?.version);
  if (prompt === null) throw new NotFound(`prompt ${name} has no version labelled ${label}`);
  return prompt;
}

/** By the environment of the run as its label, else what is in production. */
async function findUsualPrompt(
  { clients, log }: LookUpDeps,
  question: AgentQuestion,
): Promise<FoundPrompt> {
  const { promptName: name, environment } = question.lookUp;
  const prompts = clients.find("prompts");
  if (prompts === undefined) return null;
  for (const label of environment === undefined ? [USUAL_LABEL] : [environment, USUAL_LABEL]) {
    const asked = prompts.askBriefly(PromptService.method.resolve, { name, label }, question);
    const answer = await orGoOn(log, "prompts", asked);
    if (answer.kind === "silent") return null;
    const prompt = promptOf(name, answer.kind === "reply" ? answer.reply.version : undefined);
    if (prompt !== null) return prompt;
  }
  log.warn("a prompt is not bound and not in production", { promptName: name });
  return null;
}

function promptOf(name: string, version: { id: string; version: number } | undefined): FoundPrompt {
  if (version === undefined || !isId(version.id)) return null;
  return { name, version: version.version, versionId: version.id };
}

/** The label that the agent binds the prompt to, in its active configuration. */
async function findLabel(
  deps: LookUpDeps,
  question: AgentQuestion,
  agentId: string,
): Promise<string | undefined> {
  const agents = deps.clients.find("agents");
  if (agents === undefined) return undefined;
  const reply = await orNotFound(agents.ask(AgentService.method.getConfig, { agentId }, question));
  const bindings = reply?.config?.promptBindings ?? {};
  const { promptName } = question.lookUp;
  return Object.hasOwn(bindings, promptName) ? bindings[promptName] : undefined;
}

/** The reply, or undefined when the collaborator answers NOT_FOUND. */
async function orNotFound<Reply>(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
