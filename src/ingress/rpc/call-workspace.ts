/**
 * The workspace that a call is about: the one place where it is decided what a caller may see.
 * Boundary: knows no object; reads and the Write apply the Visibility that is made here.
 * Invariants:
 * 1. With authentication it is the token's. A request that leaves its workspace_id empty gets it, one that names another
 *    is refused, and what another workspace owns does not exist.
 * 2. Without authentication an id alone reaches any workspace.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../../collaborators/identity/callers.ts";
import { count } from "../../process/metrics.ts";
import { Refusal } from "../../process/refusal.ts";
import { EVERY_WORKSPACE, onlyWorkspace } from "../../store/reads/visibility.ts";
import { readActor, readEnvironment, readVia } from "./actor.ts";
import type { WriteDeps } from "./service-deps.ts";
import type { ServiceParts } from "./service-parts.ts";

/** Where the caller of a call is found; undefined without authentication. */
export const callerOfCall = createContextKey<Caller | undefined>(undefined);

/**
 * What the handler of this call gets, but for a Write. Throws when authentication is on and let the call pass without its
 * caller.
 */
export function depsOfCall(
  { callers, database, graphs, entities, decideApproval }: ServiceParts,
  { values, requestHeader, responseHeader: answerHeader }: HandlerContext,
): Omit<WriteDeps, "write"> {
  const via = readVia(requestHeader);
  const environment = readEnvironment(requestHeader);
  const shared = { database, graphs, entities, decideApproval, answerHeader, via, environment };
  const actor = readActor(requestHeader, callers !== undefined);
  if (callers === undefined) return { ...shared, actor, visibility: EVERY_WORKSPACE };
  const caller = values.get(callerOfCall);
  if (caller === undefined) throw new Error("a call came past its authentication");
  return { ...shared, caller, visibility: onlyWorkspace(caller.workspaceId) };
}

/** Fills the caller's workspace into a request that names none. Refuses permission_denied when it names another. */
export function settleWorkspace(
  desc: DescMessage,
  request: Message,
  { workspaceId }: Caller,
): void {
  const field = desc.fields.find(({ name }) => name === "workspace_id");
  if (field?.fieldKind !== "scalar") return;
  const view = reflect(desc, request);
  const named = view.get(field);
  if (named === "") view.set(field, workspaceId);
  else if (named !== workspaceId) {
    count("workflows_callers_refused_total", { reason: "workspace" });
    throw new Refusal("permission_denied", "workspace_id is not the workspace of the token");
  }
}
