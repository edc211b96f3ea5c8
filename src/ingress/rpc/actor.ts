/**
 * What a call says in headers of its own: who acts, through which program, and in which environment. The actor: the subject of the token, or without authentication the header Workflows-Actor.
 * Boundary: names alone; what an actor may do is decided where it does it.
 */
import type { Caller } from "../../collaborators/identity/callers.ts";
import { isProgram } from "../../engine/values/cause.ts";
import {
  ENVIRONMENT_FORM,
  findEnvironment,
  isEnvironment,
} from "../../engine/values/environment.ts";
import type { StartedBy } from "../../engine/values/run.ts";
import { count } from "../../process/metrics.ts";
import { type FieldFault, Refusal } from "../../process/refusal.ts";
import { checkText, invalidFields } from "./fields.ts";
import type { WriteDeps } from "./service-deps.ts";

const HEADER = "Workflows-Actor";
/** The mark of a name that is not authenticated. */
const UNVERIFIED = "unverified:";
const VIA_HEADER = "Workflows-Via";
const ENVIRONMENT_HEADER = "Workflows-Environment";
/** The program's name of tools of the Model Context Protocol, here and at `workflows mcp`. */
export const VIA_MCP = "mcp";
const CHARS_AT_MOST = 200;
const VISIBLE = /^[\x21-\x7e]+$/;

/** The header's actor; undefined without one. Refuses a malformed one, and one beside a token. */
export function readActor(header: Headers, isAuthenticated: boolean): string | undefined {
  const actor = header.get(HEADER);
  if (actor === null) return undefined;
  const faults: FieldFault[] = [];
  checkText(HEADER, actor, faults);
  if (isAuthenticated) faults.push({ field: HEADER, description: "is taken from the token" });
  else if (!VISIBLE.test(actor) || actor.length > CHARS_AT_MOST) {
    const description = `must be 1 to ${CHARS_AT_MOST} visible ASCII characters`;
    faults.push({ field: HEADER, description });
  }
  if (faults.length > 0) throw invalidFields(faults);
  return actor;
}

/** The program through which the caller comes, as it says; undefined: it does not say. Refuses a malformed name. */
export function readVia(header: Headers): string | undefined {
  const via = header.get(VIA_HEADER) ?? undefined;
  if (via === undefined || isProgram(via)) return via;
  const description = "must be 1 to 32 of a-z, 0-9 and -, and begin with a letter";
  throw invalidFields([{ field: VIA_HEADER, description }]);
}

/** The environment that the call names; undefined: production, or none. Refuses a malformed name. */
export function readEnvironment(header: Headers): string | undefined {
  const name = header.get(ENVIRONMENT_HEADER);
  if (name !== null && !isEnvironment(name)) {
    throw invalidFields([{ field: ENVIRONMENT_HEADER, description: ENVIRONMENT_FORM }]);
  }
  return findEnvironment(name ?? undefined);
}

/** Where a call deploys to: what its field names, else the header. Adds a fault where they differ. */
export function placeOfDeploy(
  { environment }: Pick<WriteDeps, "environment">,
  named: { readonly field: string; readonly value: string },
  faults: { add(field: string, description: string): void },
): string {
  const { field, value } = named;
  if (environment === undefined || value === environment) return value;
  if (value !== "") {
    const words = `is "${value}", and the header ${ENVIRONMENT_HEADER} is "${environment}": leave one out`;
    faults.add(field, words);
  }
  return value || environment;
}

/** Refuses a call that names an environment other than production by its header, for it deploys to production. */
export function refuseEnvironment(
  { environment }: Pick<WriteDeps, "environment">,
  instead: string,
): void {
  if (environment === undefined) return;
  const description = `is "${environment}", and this call deploys to production: leave it out, or ${instead}`;
  throw invalidFields([{ field: ENVIRONMENT_HEADER, description }]);
}

/** Who acts, by the name that gates and tasks use; undefined: the call does not say. */
export function actorOf({
  caller,
  actor,
}: Pick<WriteDeps, "caller" | "actor">): string | undefined {
  return caller?.subject ?? actor;
}

/** Who acts, as it is recorded: a name that is not authenticated says so. */
export function recordedActor(deps: Pick<WriteDeps, "caller" | "actor">): string | undefined {
  const { caller, actor } = deps;
  return caller?.subject ?? (actor === undefined ? undefined : `${UNVERIFIED}${actor}`);
}

/** What calls, where it is no person. Without authentication an agent is who the request says. */
export function startedByOf(
  { caller }: Pick<WriteDeps, "caller">,
  initiatorAgentId: string,
): StartedBy | undefined {
  if (caller?.isAgent === true) return "agent";
  if (caller?.isService === true) return "service";
  return caller === undefined && initiatorAgentId !== "" ? "agent" : undefined;
}

/** As actorOf; refuses a call that does not say. */
export function requireActor(deps: Pick<WriteDeps, "caller" | "actor">): string {
  const actor = actorOf(deps);
  if (actor !== undefined) return actor;
  throw invalidFields([{ field: HEADER, description: "is required: it says who acts" }]);
}

/** Refuses permission_denied for an agent: it decides nothing, whatever its scopes. */
export function refuseAgent(caller: Caller | undefined, why = "an agent decides nothing"): void {
  if (caller?.isAgent !== true) return;
  count("workflows_callers_refused_total", { reason: "agent" });
  throw new Refusal("permission_denied", why);
}

/** Refuses permission_denied for what comes by MCP, whichever token it has: what calls there has read texts of others. */
export function refuseMcp({ via }: Pick<WriteDeps, "via">): void {
  if (via === VIA_MCP) throw new Refusal("permission_denied", "nothing is decided over MCP");
}
