/**
 * Finding what an agent action needs: its agent, its skill, its prompt.
 * Boundary: reads only, so no call here carries a key; what was found is kept for the next ones.
 */
import { Code } from "@connectrpc/connect";
import { AgentService } from "../../../gen/agents/v1/agents_pb.ts";
import { PromptService } from "../../../gen/prompts/v1/prompts_pb.ts";
import { SkillScope, SkillService } from "../../../gen/skills/v1/skills_pb.ts";
import { isId } from "../../wire/call-replies.ts";
import { decodeLookUp } from "../../wire/calls.ts";
import { CallFailure } from "../call-failure.ts";
import { type FoundPrompt, type LookupCache, resolutionOf } from "../lookup-cache.ts";
import { type AgentQuestion, type FindAgentsDeps, findAgents } from "./find-agents.ts";
import type { Performer } from "./performer.ts";

/** What looking up needs. */
export interface LookUpDeps extends FindAgentsDeps {
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
    const question: AgentQuestion = { lookUp, effectId: call.effectId, nowMs };
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
  const skills = deps.clients.find("skills");
  if (skillId === "" || skills === undefined) return;
  if (deps.lookups.hasSkill(workspaceId, skillId)) return;
  const reply = await orNotFound(
    skills.ask(SkillService.method.get, { id: skillId }, question.effectId),
  );
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
  const { promptName } = question.lookUp;
  const prompts = deps.clients.find("prompts");
  if (promptName === "" || prompts === undefined) return null;
  const known = deps.lookups.findPrompt(agentId, promptName);
  if (known !== undefined) return known;
  const bound = await findLabel(deps, question, agentId);
  const request = { name: promptName, label: bound ?? USUAL_LABEL };
  const reply = await orNotFound(
    prompts.ask(PromptService.method.resolve, request, question.effectId),
  );
  const prompt = promptOf(promptName, reply?.version);
  // A prompt that nobody bound is a wish; one that is bound and missing is a mistake.
  if (prompt === null && bound !== undefined) {
    throw new NotFound(`prompt ${promptName} has no version labelled ${bound}`);
  }
  if (prompt === null) deps.log.warn("a prompt is not bound and not in production", { promptName });
  deps.lookups.keepPrompt(agentId, promptName, prompt);
  return prompt;
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
  const reply = await orNotFound(
    agents.ask(AgentService.method.getConfig, { agentId }, question.effectId),
  );
  const bindings = reply?.config?.promptBindings ?? {};
  const { promptName } = question.lookUp;
  return Object.hasOwn(bindings, promptName) ? bindings[promptName] : undefined;
}

/** The reply, or undefined when the collaborator answers NOT_FOUND. */
async function orNotFound<Reply>(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply;
  } catch (error) {
    const unknown = error instanceof CallFailure && error.kind === "answered";
    if (unknown && error.code === Code.NotFound) return undefined;
    throw error;
  }
}
