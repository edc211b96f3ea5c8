/**
 * Judges a token by asking the identity service (TokenService.Introspect).
 * Boundary: one question and the reading of its answer; remembering is token-memory.ts.
 * Invariants:
 * 1. Fails closed: what is no clear answer about the token is `unavailable`.
 * 2. Nothing that could repeat the token is logged or handed on: a failure shows its code and kind only.
 */
import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { type IntrospectResponse, TokenService } from "../../../gen/identity/v1/tokens_pb.ts";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import { Refusal } from "../../process/refusal.ts";
import { CallFailure, NoTurn, NotSent } from "../call-failure.ts";
import type { Client } from "../clients.ts";
import { readCaller } from "./read-caller.ts";
import type { GoodToken, JudgeToken } from "./token-memory.ts";

/** Codes by which the service says of the token, not of itself, that it is none. */
const NO_TOKEN: ReadonlySet<Code> = new Set([Code.NotFound, Code.InvalidArgument]);

/** Judges tokens by the identity service, within 2.5 s. */
export function introspectBy(client: Client, log: Log): JudgeToken {
  return async (token) => {
    try {
      const { introspect } = TokenService.method;
      return readIntrospection(
        await client.askBriefly(introspect, { token }, { callId: randomUUID(), workspaceId: "" }),
      );
    } catch (error) {
      if (isAboutToken(error)) return undefined;
      throw introspectionFault(error, log);
    }
  };
}

/** The token that an answer describes; undefined when it is not active or lacks the subject or the workspace. */
function readIntrospection(answer: IntrospectResponse): GoodToken | undefined {
  if (!answer.active) return undefined;
  const caller = readCaller({
    subject: answer.subject || answer.userSubject || answer.service,
    workspaceId: answer.organizationId,
    words: answer.scopes,
    isAgent: answer.agentType !== "",
    isService: answer.service !== "" && answer.userSubject === "" && answer.agentType === "",
  });
  if (caller === undefined) return undefined;
  const { expiresAt } = answer;
  const expiresAtMs = expiresAt === undefined ? Infinity : Number(expiresAt.seconds) * 1000;
  return { caller, expiresAtMs };
}

function isAboutToken(error: unknown): boolean {
  return error instanceof CallFailure && error.kind === "answered" && NO_TOKEN.has(error.code);
}

function introspectionFault(error: unknown, log: Log): unknown {
  if (error instanceof CallFailure) {
    const { kind, code, httpStatus } = error;
    log.warn("the identity service could not judge a token", { kind, code, httpStatus });
  } else if (!(error instanceof NoTurn) && !(error instanceof NotSent)) return error;
  count("workflows_tokens_not_judged_total");
  return new Refusal("unavailable", "the caller's token cannot be checked just now; try again");
}
