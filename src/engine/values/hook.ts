/** What hooks are asked before a verb changes a workflow. Boundary: values; collaborators/hook-asker.ts asks. */
import type { JsonObject } from "./json.ts";

/** In the order of their wire numbers (workflows.ops.v1.HookVerb 1..8). */
export const HOOK_VERBS = [
  "create",
  "update",
  "activate",
  "pause",
  "resume",
  "archive",
  "unarchive",
  "delete",
] as const;
/** What is done to a workflow. */
export type HookVerb = (typeof HOOK_VERBS)[number];

/** A question to one hook. */
export interface HookQuestion {
  /** Another one for each question. */
  readonly id: string;
  readonly hook: string;
  readonly verb: HookVerb;
  readonly workspaceId: string;
  /** "": the workflow is about to be made. */
  readonly definitionId: string;
  readonly workflowName: string;
  /** Who acts, as it is recorded, and why; "" where the call does not say. */
  readonly by: string;
  readonly reason: string;
  /** More about the call, by the names of the contract. */
  readonly facts: JsonObject;
}

/** What a hook says; `why` is a sentence without a dot, or empty. `away`: it gave no answer that could be understood. */
export interface HookAnswer {
  readonly kind: "allowed" | "refused" | "away";
  readonly why: string;
}

/** Asks a hook; never rejects, for what fails is `away`. */
export interface AskHook {
  /** By a signed POST. */
  byPost(
    question: HookQuestion,
    to: { readonly url: string; readonly secret: string },
  ): Promise<HookAnswer>;
  /** GovernanceService, as the action `workflow.<verb>`. */
  byGovernance(question: HookQuestion): Promise<HookAnswer>;
}
