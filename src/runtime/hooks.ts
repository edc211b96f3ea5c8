/**
 * Hooks before verbs: their making, changing and end.
 * Boundary: secrets are plain here and in the question alone (ask-hooks.ts); the store gets them sealed.
 * Invariant: a secret is in the answer of the call that made it and nowhere else: no row, no event, no log line and no kept answer has it.
 */
import { randomBytes } from "node:crypto";
import type { AskHook, HookVerb } from "../engine/values/hook.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { newHookId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import { createSealer } from "../process/seal.ts";
import { makeSecret } from "../process/signatures.ts";
import type { Tx } from "../store/database.ts";
import { isTakenKey } from "../store/pg-errors.ts";
import { readClock } from "../store/service-reads/clock.ts";
import {
  countHooks,
  deleteHook,
  type HookName,
  type HookRow,
  lockHook,
  saveHook,
} from "../store/workflow-hooks.ts";
import { commitWithEvents, type DefinitionDeps } from "./definitions.ts";
import type { EndpointSettings } from "./endpoints.ts";

/** How hooks are asked. */
export interface HookSettings {
  /** Of URLs that may be asked. */
  readonly origins: readonly string[];
  readonly ask: AskHook;
}

/** What changing hooks needs. */
export interface HookDeps extends DefinitionDeps {
  /** Its keys seal the secrets of hooks too. */
  readonly endpoints?: EndpointSettings | undefined;
  /** Unset: no URL may be asked. */
  readonly hooks?: HookSettings | undefined;
}

/** A hook to make or to replace. */
export interface WantedHook extends HookName {
  readonly verbs: readonly HookVerb[];
  /** Undefined: it is asked for each workflow. */
  readonly definitionId: string | undefined;
  /** "": nothing is posted. */
  readonly url: string;
  readonly governance: boolean;
  /** Of the hook as it was read; "": there is none of the name. */
  readonly etag: string;
  readonly rotateSecret: boolean;
  readonly by: string;
  readonly reason: string;
}

/** What happens to hooks: `workflows.changes.hook.<operation>`. */
export const HOOK_OPERATIONS = ["put", "deleted"] as const;

const OF_A_WORKSPACE = 50;
const ETAG_BYTES = 8;

/** Makes or replaces a hook; `secret` is "" where none was made. Refuses invalid_fields, etag_mismatch and, past 50, illegal_move. */
export async function putHook(
  deps: HookDeps,
  wanted: WantedHook,
): Promise<{ readonly row: HookRow; readonly secret: string }> {
  requireOrigin(deps, wanted.url);
  try {
    return await commitWithEvents(deps, async (tx) => {
      const before = await lockHook(tx, wanted);
      if ((before?.etag ?? "") !== wanted.etag) throw mismatch(wanted, before?.etag ?? "");
      if (before === undefined) await requireRoom(tx, wanted.workspaceId);
      const id = before?.id ?? newHookId();
      const { sealedSecret, secret } = secretOf(deps, wanted, id, before);
      const { workspaceId, name, verbs, definitionId = null, url, governance } = wanted;
      const row = await saveHook(tx, {
        ...{
          id,
          workspaceId,
          name,
          verbs: [...verbs],
          definitionId,
          url,
          governance,
          sealedSecret,
        },
        ...{ changedBy: wanted.by, changeReason: wanted.reason },
        etag: randomBytes(ETAG_BYTES).toString("hex"),
      });
      const events = [hookEvent(row, "put", row.updatedAt, wanted)];
      return { row: { row, secret }, madeId: id, definitionId: id, events };
    });
  } catch (error) {
    if (!isTakenKey(error)) throw error;
    throw new Refusal(
      "lost_race",
      `another call made the hook "${wanted.name}"; read it and try again`,
    );
  }
}

/** Deletes a hook. Refuses not_found. */
export function removeHook(
  deps: DefinitionDeps,
  name: HookName & { readonly by: string; readonly reason: string },
): Promise<string> {
  return commitWithEvents(deps, async (tx) => {
    const row = await deleteHook(tx, name);
    if (row === undefined) {
      const resource = { type: "hook", name: name.name };
      throw new Refusal("not_found", `there is no hook "${name.name}"`, { resource });
    }
    const events = [hookEvent(row, "deleted", await readClock(tx), name)];
    return { row: row.id, madeId: row.id, definitionId: row.id, events };
  });
}

function requireOrigin({ hooks }: HookDeps, url: string): void {
  if (url === "") return;
  const { origin } = new URL(url);
  if (hooks?.origins.includes(origin)) return;
  const words = `has the origin ${origin}, which HOOKS_ORIGINS of the service does not have`;
  throw wrong("url", words);
}

async function requireRoom(tx: Tx, workspaceId: string): Promise<void> {
  if ((await countHooks(tx, workspaceId)) < OF_A_WORKSPACE) return;
  const words = `the workspace has ${OF_A_WORKSPACE} hooks; delete one that is not used`;
  throw new Refusal("illegal_move", words);
}

/** The secret of a hook that is posted to: a new one, or that of before. */
function secretOf(
  { endpoints }: HookDeps,
  { url, rotateSecret }: WantedHook,
  id: string,
  before: HookRow | undefined,
): { readonly sealedSecret: Buffer | Uint8Array | null; readonly secret: string } {
  if (url === "") return { sealedSecret: null, secret: "" };
  const kept = before?.sealedSecret ?? null;
  if (kept !== null && !rotateSecret) return { sealedSecret: kept, secret: "" };
  const sealer = createSealer(endpoints?.secretsKeys ?? []);
  const secret = makeSecret("standard_webhooks");
  if (sealer === undefined || secret === undefined) {
    const words =
      "needs SECRETS_KEY in the environment of the service, with which its secret is stored";
    throw wrong("url", words);
  }
  return { sealedSecret: sealer.seal(id, secret), secret };
}

function hookEvent(
  { id, workspaceId, name, verbs, definitionId, url, governance }: HookRow,
  operation: (typeof HOOK_OPERATIONS)[number],
  at: Date,
  { by, reason }: { readonly by: string; readonly reason: string },
): JsonObject {
  return {
    ...{ id: `${id}-${operation}-${at.getTime()}`, workspaceId, operation },
    type: `workflows.changes.hook.${operation}`,
    ...{ aggregateId: id, aggregateType: "hook", recordedAt: at.toISOString() },
    payload: {
      ...{ id, workspace_id: workspaceId, name, verbs, definition_id: definitionId ?? "" },
      // Who reads events may not list hooks, and a path or a query may be a secret.
      ...{ origin: url === "" ? "" : new URL(url).origin, governance, by, reason },
    },
  };
}

function mismatch({ name, etag: sent }: WantedHook, stored: string): Refusal {
  const resource = { type: "hook", name };
  const message =
    stored === ""
      ? `there is no hook "${name}" with etag "${sent}": leave the etag out to make one`
      : `the hook has etag "${stored}", not "${sent}": read it again`;
  return new Refusal("etag_mismatch", message, { resource, etags: { sent, stored } });
}

function wrong(field: string, description: string): Refusal {
  const fields = [{ field, description }];
  return new Refusal("invalid_fields", "the request is not valid", { fields });
}
