/**
 * Asks hooks before a verb: by a signed POST, and GovernanceService.
 * Boundary: one question and the meaning of its answer; who is asked, and what a refusal leads to, is runtime/ask-hooks.ts.
 * Invariants:
 * 1. Fails closed: what is no clear answer is `away`. It takes ASK_MS at most.
 * 2. A URL is asked only while its origin is among the operator's, and a host's name only at public addresses. Redirects are not
 *    followed.
 * 3. No answer's reason is longer than a line, whatever the receiver sends.
 */
import {
  ActionDecision,
  type EvaluateActionResponse,
  GovernanceService,
} from "../../gen/governance/v1/governance_pb.ts";
import type { AskHook, HookAnswer, HookQuestion } from "../engine/values/hook.ts";
import { isJsonObject, type Json, type JsonObject } from "../engine/values/json.ts";
import { signStandard } from "../process/signatures.ts";
import type { Clients } from "./clients.ts";
import { postJson } from "./json-post.ts";

const ASK_MS = 3_000;
const WHY_CHARS = 300;
const ALLOWED: HookAnswer = { kind: "allowed", why: "" };

/** Asks where `origins` allow it, and GovernanceService by its client. */
export function createHookAsker(
  clients: Pick<Clients, "find">,
  origins: readonly string[],
): AskHook {
  return {
    async byPost(question, { url, secret }) {
      const { origin } = new URL(url);
      if (!origins.includes(origin)) return away(`HOOKS_ORIGINS does not have ${origin}`);
      const seconds = String(Math.floor(Date.now() / 1_000));
      const body = Buffer.from(JSON.stringify(bodyOf(question)));
      const headers = {
        "webhook-id": question.id,
        "webhook-timestamp": seconds,
        "webhook-signature": signStandard(secret, question.id, seconds, body),
      };
      try {
        const { status, text } = await postJson({ url, headers, body, withinMs: ASK_MS });
        return readAnswer(status, text);
      } catch (error) {
        return away(error instanceof Error ? error.message : "the connection failed");
      }
    },
    async byGovernance(question) {
      const governance = clients.find("governance");
      if (governance === undefined) return away("GOVERNANCE_URL is not set");
      const { workspaceId, id: callId, facts } = question;
      const request = {
        ...{ workspaceId, actionType: `workflow.${question.verb}` },
        actionPayload: Buffer.from(JSON.stringify(dataOf(question))),
        context: { environment: typeof facts.environment === "string" ? facts.environment : "" },
      };
      try {
        const { evaluateAction } = GovernanceService.method;
        return readEvaluation(
          await governance.askBriefly(evaluateAction, request, { callId, workspaceId }),
        );
      } catch (error) {
        return away(
          `governance gave no answer (${error instanceof Error ? error.message : error})`,
        );
      }
    },
  };
}

/** What is posted. */
function bodyOf(question: HookQuestion): JsonObject {
  const { id, verb } = question;
  return { id, type: `workflow.before.${verb}`, data: dataOf(question) };
}

function dataOf(question: HookQuestion): JsonObject {
  const { hook, verb, workspaceId, definitionId, workflowName, by, reason, facts } = question;
  return {
    ...facts,
    ...{ hook, verb, workspace_id: workspaceId, definition_id: definitionId },
    ...{ workflow_name: workflowName, by, reason },
  };
}

/** `{"allow": true}` allows, `{"allow": false, "reason": "…"}` refuses. A page of a proxy, or nothing, is no answer. */
function readAnswer(status: number, text: string): HookAnswer {
  if (status < 200 || status > 299) return away(`it answered with the status ${status}`);
  const answer = parsed(text);
  if (!isJsonObject(answer) || typeof answer.allow !== "boolean") {
    return away('its answer is not JSON with "allow": true or false');
  }
  if (answer.allow) return ALLOWED;
  return refused(typeof answer.reason === "string" ? answer.reason : "");
}

function readEvaluation({ evaluation }: EvaluateActionResponse): HookAnswer {
  const why = evaluation?.reasons.join("; ") ?? "";
  switch (evaluation?.decision) {
    case ActionDecision.ALLOW:
      return ALLOWED;
    case ActionDecision.DENY:
      return refused(why);
    case ActionDecision.REQUIRE_APPROVAL:
      return refused(
        why === "" ? "governance asks for an approval" : `an approval is needed: ${why}`,
      );
    default:
      return away("governance did not decide");
  }
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(reason: string): HookAnswer {
  return { kind: "refused", why: lineOf(reason) };
}

function away(why: string): HookAnswer {
  return { kind: "away", why: lineOf(why) };
}

function lineOf(text: string): string {
  const line = text
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .toWellFormed();
  return line.length > WHY_CHARS ? `${line.slice(0, WHY_CHARS - 1)}…`.toWellFormed() : line;
}
