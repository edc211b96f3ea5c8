/**
 * Which agents and capabilities there are, asked of the agents service and the registry for many workflows at once.
 * Boundary: asks and remembers; what follows is judged by judge.ts. An agent counts in whatever state it is.
 * Invariants:
 * 1. A question is asked once in a while, however many workflows have it, and so many in a round at most.
 * 2. Who does not answer is not waited for: nothing is known then.
 */
import { AgentService } from "../../../gen/agents/v1/agents_pb.ts";
import { RegistryService } from "../../../gen/registry/v1/registry_pb.ts";
import { CallFailure, NoTurn, NotSent } from "../../collaborators/call-failure.ts";
import type { CallOrigin, Clients } from "../../collaborators/clients.ts";
import { isNotFound } from "../../collaborators/fail-open.ts";
import { keyOf, ShortMemory } from "../../process/short-memory.ts";
import type { Known } from "./judge.ts";

/** What is asked. */
export interface AgentQuestion {
  readonly kind: "agent" | "capability";
  readonly workspaceId: string;
  readonly name: string;
}

/** What is known of agents. */
export interface KnownAgents extends Pick<Known, "hasAgent" | "hasCapability"> {
  /** Asks what is not known yet. */
  ask(questions: readonly AgentQuestion[]): Promise<void>;
}

const KEPT_MS = 50_000;
const KEPT_AT_MOST = 20_000;
const ASKED_AT_MOST = 200;
const ASKED_AT_ONCE = 8;
/** The registry cannot be asked for one workspace only. */
const AGENTS_AT_MOST = 1_000;

/** See the file's head. */
export function createKnownAgents(clients: Pick<Clients, "find">): KnownAgents {
  const answers = new ShortMemory<boolean>(KEPT_MS, KEPT_AT_MOST);
  const keyOfQuestion = ({ kind, workspaceId, name }: AgentQuestion) =>
    keyOf(kind, workspaceId, name);
  const find = (kind: AgentQuestion["kind"]) => (workspaceId: string, name: string) =>
    answers.find(keyOfQuestion({ kind, workspaceId, name }));
  let asked = 0;
  return {
    async ask(questions) {
      const open = new Map(
        questions.flatMap((question): [string, AgentQuestion][] => {
          const key = keyOfQuestion(question);
          return answers.find(key) === undefined ? [[key, question]] : [];
        }),
      );
      // Where there are more than are asked, they take turns.
      const first = open.size === 0 ? 0 : asked % open.size;
      const inTurn = [...open].slice(first).concat([...open].slice(0, first));
      const left = inTurn.slice(0, ASKED_AT_MOST);
      asked += left.length;
      async function work(): Promise<void> {
        for (let next = left.pop(); next !== undefined; next = left.pop()) {
          const [key, question] = next;
          const answer = await answerOf(clients, question);
          if (answer !== undefined) answers.keep(key, answer);
        }
      }
      await Promise.all(Array.from({ length: ASKED_AT_ONCE }, work));
    },
    hasAgent: find("agent"),
    hasCapability: find("capability"),
  };
}

/** True where one of the services knows it, false where each that is configured does not, else undefined. */
async function answerOf(
  clients: Pick<Clients, "find">,
  question: AgentQuestion,
): Promise<boolean | undefined> {
  const ask = question.kind === "agent" ? asksForAgent : asksForCapability;
  const answers: (boolean | undefined)[] = [];
  for (const answer of ask(clients, question)) {
    answers.push(await answer());
    if (answers.includes(true)) return true;
  }
  return answers.length === 0 || answers.includes(undefined) ? undefined : false;
}

type Ask = () => Promise<boolean | undefined>;

function asksForAgent(clients: Pick<Clients, "find">, question: AgentQuestion): Ask[] {
  const { name: id, workspaceId } = question;
  const [agents, registry] = [clients.find("agents"), clients.find("registry")];
  const origin = originOf(question);
  const asks: Ask[] = [];
  if (agents !== undefined) {
    const { get } = AgentService.method;
    asks.push(() =>
      answered(agents.askBriefly(get, { id }, origin), ({ agent }) =>
        isOf(agent?.workspaceId, workspaceId),
      ),
    );
  }
  if (registry !== undefined) {
    const { get } = RegistryService.method;
    asks.push(() =>
      answered(registry.askBriefly(get, { id }, origin), ({ agent }) =>
        isOf(agent?.organizationId, workspaceId),
      ),
    );
  }
  return asks;
}

function asksForCapability(clients: Pick<Clients, "find">, question: AgentQuestion): Ask[] {
  const { name: capability, workspaceId } = question;
  const [agents, registry] = [clients.find("agents"), clients.find("registry")];
  const origin = originOf(question);
  const asks: Ask[] = [];
  if (agents !== undefined) {
    const { list } = AgentService.method;
    const request = { workspaceId, capability, limit: 1 };
    asks.push(() =>
      answered(agents.askBriefly(list, request, origin), (reply) => reply.agents.length > 0),
    );
  }
  if (registry !== undefined) {
    const { discover } = RegistryService.method;
    const request = { capability, limit: AGENTS_AT_MOST };
    asks.push(() =>
      answered(registry.askBriefly(discover, request, origin), (reply) => {
        if (reply.agents.some(({ organizationId }) => isOf(organizationId, workspaceId)))
          return true;
        // Ours may stand behind those that were sent.
        return reply.agents.length < AGENTS_AT_MOST ? false : undefined;
      }),
    );
  }
  return asks;
}

function originOf({ kind, workspaceId, name }: AgentQuestion): CallOrigin {
  return { callId: `health/${kind}/${name}`, workspaceId };
}

function isOf(owner: string | undefined, workspaceId: string): boolean {
  return owner === "" || owner === workspaceId;
}

/** What an answer tells; that there is no such thing is an answer. */
async function answered<Reply>(
  asked: Promise<Reply>,
  tell: (reply: Reply) => boolean | undefined,
): Promise<boolean | undefined> {
  try {
    return tell(await asked);
  } catch (error) {
    if (isNotFound(error)) return false;
    const isSilent =
      error instanceof CallFailure || error instanceof NoTurn || error instanceof NotSent;
    if (isSilent) return undefined;
    throw error;
  }
}
