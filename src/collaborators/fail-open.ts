/**
 * Collaborators that work goes on without: asked briefly, and what they do not answer is logged and counted.
 * Boundary: what is gone on with is the caller's. An answer NOT_FOUND is an answer, not a failure to answer.
 */
import { Code } from "@connectrpc/connect";
import type { Log } from "../process/log.ts";
import { count } from "../process/metrics.ts";
import { CallFailure, NoTurn } from "./call-failure.ts";
import type { Clients } from "./clients.ts";
import type { CollaboratorName } from "./names.ts";

/** What asking such a collaborator needs. */
export interface FailOpenDeps {
  readonly clients: Clients;
  readonly log: Log;
}

/** What a collaborator that may be gone on without said: its reply, that there is no such thing, or nothing. */
export type MaybeReply<Reply> =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "unknown" }
  | { readonly kind: "silent" };

/** Waits for a call made by `askBriefly`. Rejects only as a call that was NotSent, or by a fault of ours. */
export async function orGoOn<Reply>(
  log: Log,
  collaborator: CollaboratorName,
  asked: Promise<Reply>,
): Promise<MaybeReply<Reply>> {
  try {
    return { kind: "reply", reply: await asked };
  } catch (error) {
    if (isNotFound(error)) return { kind: "unknown" };
    if (!(error instanceof CallFailure) && !(error instanceof NoTurn)) throw error;
    count("workflows_collaborators_gone_without_total", { collaborator });
    log.warn("a collaborator gave no answer and is gone on without", { collaborator, error });
    return { kind: "silent" };
  }
}

/** Whether the collaborator answered NOT_FOUND. */
export function isNotFound(error: unknown): boolean {
  return error instanceof CallFailure && error.kind === "answered" && error.code === Code.NotFound;
}
