/**
 * What look-ups found lately: agents of a capability, prompts of an agent, skills that exist.
 * Boundary: filled by the look_up performer, read by the engine with each input, so that most agent actions need no
 * call and no second commit before their objective is created. A step that it answers writes 7 rows and 2.6 KB of log in 2
 * commits, one that it does not 11 rows and 3.5 KB in 3 (2026-11-28).
 * Invariants:
 * 1. Nothing is used longer than 2 s (this process's monotonic clock); each table is bounded, the oldest goes first.
 * 2. Among several agents the least loaded is taken, counting those it was given since it was found.
 */
import type { LookUp } from "../engine/values/call.ts";
import type { LookupSource } from "../engine/values/lookups.ts";
import type { Resolution } from "../engine/values/step-detail.ts";
import { keyOf, ShortMemory } from "../process/short-memory.ts";

/** A prompt as a resolution records it; null: the agent has none bound and none is in production. */
export type FoundPrompt = NonNullable<Resolution["prompt"]> | null;

/** An agent that can take work. */
export interface FoundAgent {
  readonly agentId: string;
  /** What it does now. */
  readonly current: number;
  /** What it can do at once; 0 = not reported. */
  readonly max: number;
}

/** What the engine's answers are chosen from, and the performer's view of the cache. */
export interface LookupCache extends LookupSource {
  /** The least loaded of the capability's agents found lately. */
  pickAgent(workspaceId: string, capability: string): string | undefined;
  keepAgents(workspaceId: string, capability: string, agents: readonly FoundAgent[]): void;
  findPrompt(agentId: string, wanted: WantedPrompt): FoundPrompt | undefined;
  keepPrompt(agentId: string, wanted: WantedPrompt, prompt: FoundPrompt): void;
  hasSkill(workspaceId: string, skillId: string): boolean;
  keepSkill(workspaceId: string, skillId: string): void;
}

/** A prompt, which may be another one in another environment. */
type WantedPrompt = Pick<LookUp, "promptName" | "environment">;

const KEPT_MS = 2_000;
const KEPT_AT_MOST = 1_000;
/** Stands for the capacity of an agent that reports none. */
const USUAL_CAPACITY = 10;

interface Candidate extends FoundAgent {
  given: number;
}

/** Makes an empty cache; `costsFromMeter` is handed to the engine as it is. */
export function createLookupCache({ costsFromMeter }: Omit<LookupSource, "choose">): LookupCache {
  const agents = new ShortMemory<Candidate[]>(KEPT_MS, KEPT_AT_MOST);
  const prompts = new ShortMemory<FoundPrompt>(KEPT_MS, KEPT_AT_MOST);
  const skills = new ShortMemory<true>(KEPT_MS, KEPT_AT_MOST);

  const promptKey = (agentId: string, { promptName, environment = "" }: WantedPrompt) =>
    keyOf(agentId, promptName, environment);
  const findPrompt = (agentId: string, wanted: WantedPrompt) =>
    prompts.find(promptKey(agentId, wanted));
  const hasSkill = (workspaceId: string, skillId: string) =>
    skills.find(keyOf(workspaceId, skillId)) ?? false;
  const chooseAgent = (call: LookUp): Candidate | undefined =>
    call.agentId === ""
      ? leastLoaded(agents.find(keyOf(call.workspaceId, call.capability)))
      : { agentId: call.agentId, current: 0, max: 0, given: 0 };

  return {
    costsFromMeter,
    choose(call) {
      if (call.skillId !== "" && !hasSkill(call.workspaceId, call.skillId)) return undefined;
      const agent = chooseAgent(call);
      if (agent === undefined) return undefined;
      const prompt = call.promptName === "" ? null : findPrompt(agent.agentId, call);
      if (prompt === undefined) return undefined;
      agent.given += 1;
      return resolutionOf(agent.agentId, call.skillId, prompt);
    },
    pickAgent(workspaceId, capability) {
      const agent = leastLoaded(agents.find(keyOf(workspaceId, capability)));
      if (agent !== undefined) agent.given += 1;
      return agent?.agentId;
    },
    keepAgents(workspaceId, capability, found) {
      const candidates = found.map((agent) => ({ ...agent, given: 0 }));
      agents.keep(keyOf(workspaceId, capability), candidates);
    },
    findPrompt,
    keepPrompt: (agentId, wanted, prompt) => prompts.keep(promptKey(agentId, wanted), prompt),
    hasSkill,
    keepSkill: (workspaceId, skillId) => skills.keep(keyOf(workspaceId, skillId), true),
  };
}

/** A resolution put together; a prompt that is null is left out. */
export function resolutionOf(agentId: string, skillId: string, prompt: FoundPrompt): Resolution {
  return { agentId, skillId, ...(prompt === null ? {} : { prompt }) };
}

function leastLoaded(candidates: readonly Candidate[] | undefined): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates ?? []) {
    if (best === undefined || loadOf(candidate) < loadOf(best)) best = candidate;
  }
  return best;
}

function loadOf({ current, given, max }: Candidate): number {
  return (current + given) / (max > 0 ? max : USUAL_CAPACITY);
}
