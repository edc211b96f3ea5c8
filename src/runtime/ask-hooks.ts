/**
 * Asks the hooks of a verb before it changes a workflow.
 * Boundary: who is asked, and what their answers lead to; how one is asked is collaborators/hook-asker.ts.
 * Invariants:
 * 1. Nothing is asked within a transaction, and no connection to the database is held meanwhile.
 * 2. Each hook must allow it. One that does not answer refuses, as one does whose secret cannot be read.
 * 3. A refusal is an event. Where nobody is asked the verb costs one statement more.
 */
import { randomUUID } from "node:crypto";
import { PRODUCTION } from "../engine/values/environment.ts";
import type { HookAnswer, HookQuestion, HookVerb } from "../engine/values/hook.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Log } from "../process/log.ts";
import { Refusal } from "../process/refusal.ts";
import { createSealer } from "../process/seal.ts";
import { findDefinitionByName } from "../store/definitions.ts";
import { findDefinition } from "../store/reads/definitions.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { readClock } from "../store/service-reads/clock.ts";
import {
  type AskedHook,
  findHooksOfWorkflow,
  findHooksOfWorkspace,
} from "../store/workflow-hooks.ts";
import { commitWithEvents } from "./definitions.ts";
import type { HookDeps } from "./hooks.ts";
import { findRepeatable, findRepeated } from "./publish-source.ts";

/** What asking needs. */
export interface AskDeps extends HookDeps {
  readonly log: Log;
}

/** Who does it and why, and more about the call. */
export interface VerbOrder {
  readonly by: string;
  readonly reason: string;
  readonly facts?: JsonObject;
}

interface Asked {
  readonly definitionId: string;
  readonly name: string;
  readonly verbs: readonly HookVerb[];
  readonly hooks: readonly AskedHook[];
}

/**
 * Asks about a workflow; one that is not there, or of another workspace than `workspaceId` ("" takes any), asks nobody. Refuses
 * hook_refused and hook_away.
 */
export async function askAboutWorkflow(
  deps: AskDeps,
  verb: HookVerb,
  { definitionId, workspaceId }: { readonly definitionId: string; readonly workspaceId: string },
  order: VerbOrder,
): Promise<void> {
  const { callers } = deps.database;
  const hooks = await findHooksOfWorkflow(callers, definitionId, workspaceId, [verb]);
  const name = hooks[0]?.workflowName ?? "";
  await askAll(deps, { definitionId, name, verbs: [verb], hooks }, order);
}

/** Asks about a workflow that is to be made. Refuses as askAboutWorkflow. */
export async function askAboutNew(
  deps: AskDeps,
  { workspaceId, name }: { readonly workspaceId: string; readonly name: string },
  verbs: readonly HookVerb[],
  order: VerbOrder,
): Promise<void> {
  const hooks = await findHooksOfWorkspace(deps.database.callers, workspaceId, verbs);
  await askAll(deps, { definitionId: "", name, verbs, hooks }, order);
}

/** A source text that is published under its name. */
interface NamedText {
  readonly workspaceId: string;
  readonly name: string;
  /** Of the version that it makes. */
  readonly digest: string;
  readonly inputSchema: JsonObject | undefined;
  readonly isActivated: boolean;
}

/**
 * Asks about the workflow of a name: whether it is made, where there is none, and whether it is activated. A text that repeats the latest
 * version and its input schema activates nothing: false says that nobody was asked for that. Refuses as askAboutWorkflow.
 */
export async function askAboutNamed(
  deps: AskDeps,
  named: NamedText,
  order: VerbOrder,
): Promise<boolean> {
  const { workspaceId, name: ofText, isActivated } = named;
  const { callers } = deps.database;
  const definition = await findDefinitionByName(callers, workspaceId, ofText);
  if (definition === undefined) {
    await askAboutNew(deps, named, isActivated ? ["create", "activate"] : ["create"], order);
    return true;
  }
  if (!isActivated) return true;
  return askAboutText(deps, definition.id, named, order);
}

/**
 * Asks about a text that is to be activated as the next version of a workflow. False: it repeats the latest version, as with askAboutNamed.
 * Refuses as askAboutWorkflow.
 */
export async function askAboutText(
  deps: AskDeps,
  definitionId: string,
  { workspaceId, digest, inputSchema }: Pick<NamedText, "workspaceId" | "digest" | "inputSchema">,
  order: VerbOrder,
): Promise<boolean> {
  const { callers } = deps.database;
  const verbs = ["activate"] as const;
  const hooks = await findHooksOfWorkflow(callers, definitionId, workspaceId, verbs);
  if (hooks.length === 0) return true;
  const definition = await findDefinition(callers, EVERY_WORKSPACE, definitionId);
  const latest = definition && (await findRepeatable(callers, definition, PRODUCTION));
  if (latest && (await findRepeated(callers, latest, { digest, inputSchema }))) return false;
  await askAll(deps, { definitionId, name: hooks[0]?.workflowName ?? "", verbs, hooks }, order);
  return true;
}

async function askAll(deps: AskDeps, asked: Asked, order: VerbOrder): Promise<void> {
  const { hooks, verbs } = asked;
  const questions = hooks.flatMap((hook) =>
    verbs
      .filter((verb) => hook.verbs.includes(verb))
      .map((verb) => ({ hook, question: questionOf(hook, verb, asked, order) })),
  );
  const answers = await Promise.all(
    questions.map(async ({ hook, question }) => ({
      ...{ hook, question, answer: await ask(deps, hook, question) },
    })),
  );
  const refusing = answers.find(({ answer }) => answer.kind !== "allowed");
  if (refusing === undefined) return;
  const { hook, question, answer } = refusing;
  await record(deps, hook, question, answer);
  throw refusalOf(question, answer);
}

function questionOf(
  { name: hook, workspaceId }: AskedHook,
  verb: HookVerb,
  { definitionId, name: workflowName }: Asked,
  { by, reason, facts = {} }: VerbOrder,
): HookQuestion {
  const id = `msg_${randomUUID()}`;
  return { id, hook, verb, workspaceId, definitionId, workflowName, by, reason, facts };
}

/** By all ways that the hook has; the first one that does not allow it counts. */
async function ask(deps: AskDeps, hook: AskedHook, question: HookQuestion): Promise<HookAnswer> {
  if (deps.hooks === undefined) return { kind: "away", why: "this replica asks no hooks" };
  const { ask } = deps.hooks;
  const answers = await Promise.all([
    ...(hook.url === "" ? [] : [askByPost(deps, hook, question)]),
    ...(hook.governance ? [ask.byGovernance(question)] : []),
  ]);
  const [first = { kind: "away", why: "it has no way to be asked" } as const] = answers;
  return answers.find(({ kind }) => kind !== "allowed") ?? first;
}

async function askByPost(
  { hooks, endpoints, log }: AskDeps,
  { id, url, sealedSecret }: AskedHook,
  question: HookQuestion,
): Promise<HookAnswer> {
  const sealer = createSealer(endpoints?.secretsKeys ?? []);
  const secret = sealedSecret === null ? undefined : sealer?.open(id, sealedSecret);
  if (hooks !== undefined && secret !== undefined)
    return hooks.ask.byPost(question, { url, secret });
  log.error("no key of SECRETS_KEY opens the secret of a hook", { hook: id });
  return { kind: "away", why: "its secret cannot be read: no key of SECRETS_KEY opens it" };
}

/** The refusal stands whether it can be recorded or not. */
async function record(
  deps: AskDeps,
  hook: AskedHook,
  question: HookQuestion,
  answer: HookAnswer,
): Promise<void> {
  const { log } = deps;
  const { definitionId, workspaceId, verb } = question;
  log.info("a hook refuses", { hook: hook.id, verb, workflow: definitionId, answer: answer.kind });
  const aggregateId = definitionId === "" ? hook.id : definitionId;
  try {
    await commitWithEvents({ ...deps, callerKey: undefined }, async (tx) => {
      const at = (await readClock(tx)).toISOString();
      const event = {
        ...{ id: `${aggregateId}-refused-${question.id}`, workspaceId, operation: "refused" },
        type: "workflows.changes.workflow.refused",
        ...{
          aggregateId,
          aggregateType: definitionId === "" ? "hook" : "workflow",
          recordedAt: at,
        },
        payload: {
          ...{ id: definitionId, workspace_id: workspaceId, name: question.workflowName },
          ...{ by: question.by, reason: question.reason, verb, hook: hook.name },
          ...{ answer: answer.kind, why: answer.why, ...question.facts },
        },
      };
      return { row: undefined, madeId: "", definitionId: aggregateId, events: [event] };
    });
  } catch (error) {
    log.warn("the refusal of a hook could not be recorded", { hook: hook.id, error });
  }
}

function refusalOf({ hook, verb }: HookQuestion, { kind, why }: HookAnswer): Refusal {
  const facts = { hook, resource: { type: "hook", name: hook } };
  if (kind === "refused") {
    const reason = why === "" ? "it gives no reason" : why;
    return new Refusal("hook_refused", `hook "${hook}" refuses ${verb}: ${reason}`, facts);
  }
  const message = `hook "${hook}" did not answer (${why}), and ${verb} needs its answer: try again, or have an admin change the hook`;
  return new Refusal("hook_away", message, facts);
}
