/**
 * The RPCs of Workflows about hooks: PutHook, ListHooks and DeleteHook.
 * Boundary: requests and answers; what is stored is decided by runtime/hooks.ts.
 */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type DeleteHookRequest,
  DeleteHookRequestSchema,
  type HookVerb,
  type ListHooksRequest,
  ListHooksRequestSchema,
  type PutHookRequest,
  PutHookRequestSchema,
} from "../../../gen/workflows/ops/v1/hooks_pb.ts";
import { HOOK_VERBS, type HookVerb as Verb } from "../../engine/values/hook.ts";
import { listHooks, type ShownHook } from "../../store/reads/hooks.ts";
import { recordedActor, refuseAgent } from "./actor.ts";
import { requireDefinition, unknownDefinition } from "./definitions.ts";
import { checkFields, type Faults } from "./fields.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const URL_CHARS = 2_000;

/** PutHook. */
export async function answerPutHook(deps: WriteDeps, request: PutHookRequest) {
  refuseAgent(deps.caller, "an agent puts no hooks");
  const { workspaceId, name, definitionId, url, governance, etag, rotateSecret, reason } = request;
  const faults = checkFields(PutHookRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  if (!NAME.test(name)) faults.add("name", "must be a-z, 0-9 and -, 64 at most, a letter first");
  const verbs = readVerbs(request, faults);
  // It would be asked never, and guard nothing.
  if (definitionId !== "" && verbs.includes("create")) {
    faults.add("verbs", "has create, which is not asked of one workflow: leave definition_id out");
  }
  checkUrl(request, faults);
  faults.refuseIfAny();
  if (definitionId !== "") {
    const definition = await requireDefinition(deps, definitionId);
    if (definition.workspaceId !== workspaceId) throw unknownDefinition(definitionId);
  }
  const { row, secret } = await deps.write.hooks.put({
    ...{ workspaceId, name, verbs, url, governance, etag, rotateSecret, reason },
    ...{ definitionId: definitionId || undefined, by: recordedActor(deps) ?? "" },
  });
  return { hook: hookMessage(row), secret };
}

/** As PutHook answered, without the secret: the hook as it is now, if it is still there. */
export async function readHook(deps: ReadDeps, { workspaceId }: PutHookRequest, id: string) {
  const [row] = await listHooks(deps.database.callers, deps.visibility, { workspaceId, id });
  return row === undefined ? {} : { hook: hookMessage(row) };
}

/** ListHooks. */
export async function answerListHooks(deps: ReadDeps, request: ListHooksRequest) {
  const { workspaceId } = request;
  const faults = checkFields(ListHooksRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  faults.refuseIfAny();
  const rows = await listHooks(deps.database.lists, deps.visibility, { workspaceId });
  return { hooks: rows.map(hookMessage) };
}

/** DeleteHook. */
export async function answerDeleteHook(deps: WriteDeps, request: DeleteHookRequest) {
  refuseAgent(deps.caller, "an agent deletes no hooks");
  const { workspaceId, name, reason } = request;
  const faults = checkFields(DeleteHookRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  faults.require("name", name);
  faults.refuseIfAny();
  await deps.write.hooks.delete({ workspaceId, name, reason, by: recordedActor(deps) ?? "" });
  return {};
}

function readVerbs({ verbs }: PutHookRequest, faults: Faults): Verb[] {
  if (verbs.length === 0) faults.add("verbs", `is required: ${HOOK_VERBS.join(", ")}`);
  if (new Set(verbs).size < verbs.length) faults.add("verbs", "has a verb twice");
  return [...new Set(verbs)].flatMap((number) => {
    const verb = HOOK_VERBS[number - 1];
    if (verb === undefined) faults.add("verbs", "has a verb that is not specified");
    return verb ?? [];
  });
}

function checkUrl({ url, governance }: PutHookRequest, faults: Faults): void {
  if (url === "") {
    if (!governance) faults.add("url", "or governance is required");
    return;
  }
  const read = URL.canParse(url) ? new URL(url) : undefined;
  const isWeb = read !== undefined && ["http:", "https:"].includes(read.protocol);
  if (!isWeb || url.length > URL_CHARS) {
    faults.add("url", `must be http:// or https:// and at most ${URL_CHARS} characters`);
  } else if (read.username !== "" || read.password !== "" || read.hash !== "") {
    faults.add("url", "has a user, a password or a fragment: leave them out");
  }
}

function hookMessage(row: ShownHook) {
  const { id, workspaceId, name, verbs, definitionId, url, governance, etag } = row;
  const { changedBy, changeReason, createdAt, updatedAt } = row;
  return {
    ...{ id, workspaceId, name, definitionId: definitionId ?? "", url, governance, etag },
    ...{ changedBy, changeReason },
    verbs: verbs.map((verb) => (HOOK_VERBS.indexOf(verb) + 1) as HookVerb),
    createdAt: timestampFromDate(createdAt),
    updatedAt: timestampFromDate(updatedAt),
  };
}
