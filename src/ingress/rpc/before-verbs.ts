/**
 * What is done before a Write changes a workflow: the hooks of the verb are asked.
 * Boundary: which call is which verb; who is asked is runtime/ask-hooks.ts.
 * Invariant: each change of the Write that is a verb begins here, so that no call comes past the hooks.
 */
import { PRODUCTION } from "../../engine/values/environment.ts";
import type { HookVerb } from "../../engine/values/hook.ts";
import {
  askAboutNamed,
  askAboutNew,
  askAboutText,
  askAboutWorkflow,
  type VerbOrder,
} from "../../runtime/ask-hooks.ts";
import type { SourcePublication } from "../../runtime/publish-source.ts";
import type { ServiceParts } from "./service-parts.ts";

/** A version that is to start in an environment; 0: the newest one. */
interface Activation {
  readonly by: string;
  readonly note: string;
  readonly environment: string;
  readonly version?: number;
  readonly fromEnvironment?: string;
}

/** Each refuses hook_refused and hook_away. */
export interface BeforeVerbs {
  /** A verb of a workflow; one that the call does not see asks nobody. */
  workflow(verb: HookVerb, definitionId: string, order: VerbOrder): Promise<void>;
  /** Nobody is asked about other environments than production. */
  activation(definitionId: string, wanted: Activation): Promise<void>;
  /** A workflow that is to be made without a version. */
  made(
    named: { readonly workspaceId: string; readonly name: string },
    order: VerbOrder,
  ): Promise<void>;
  /** A source text, which makes a workflow, or activates one in production. False: it repeats what is active, so nobody was asked. */
  named(publication: SourcePublication): Promise<boolean>;
  /** The text of a draft; as named. */
  draft(definitionId: string, publication: SourcePublication): Promise<boolean>;
}

/** `workspaceId` "" is any workspace's. */
export function createBeforeVerbs(parts: ServiceParts, workspaceId: string): BeforeVerbs {
  return {
    workflow: (verb, definitionId, order) =>
      askAboutWorkflow(parts, verb, { definitionId, workspaceId }, order),
    async activation(definitionId, { by, note: reason, environment, ...wanted }) {
      if (environment !== PRODUCTION) return;
      const { version = 0, fromEnvironment = "" } = wanted;
      const facts = { environment, version, from_environment: fromEnvironment };
      await askAboutWorkflow(
        parts,
        "activate",
        { definitionId, workspaceId },
        { by, reason, facts },
      );
    },
    made: (named, order) => askAboutNew(parts, named, ["create"], order),
    async draft(definitionId, { source, digest, deployTo: environment = PRODUCTION }) {
      if (environment !== PRODUCTION) return true;
      const { publishedBy: by, note: reason, inputSchema } = source;
      const facts = { environment, version: 0, from_environment: "" };
      const text = { workspaceId, digest, inputSchema };
      return askAboutText(parts, definitionId, text, { by, reason, facts });
    },
    named({ source, digest, deployTo: environment = PRODUCTION, workspaceId, name }) {
      const { publishedBy: by, note: reason, inputSchema } = source;
      const isActivated = environment === PRODUCTION;
      const named = { workspaceId, name, digest, inputSchema, isActivated };
      return askAboutNamed(parts, named, { by, reason, facts: { environment } });
    },
  };
}
