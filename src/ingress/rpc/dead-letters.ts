/**
 * The RPCs of Runs about messages that were put aside.
 * Boundary: whose they are is their row's; what handles them again is ingress/bus/redelivery.ts.
 * Invariants:
 * 1. A message of another workspace does not exist for the caller; one of no known workspace exists for admins.
 * 2. All ids of a request are known before the first message is touched.
 */
import { createHash } from "node:crypto";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type DiscardDeadLettersRequest,
  DiscardDeadLettersRequestSchema,
  LetterEnd,
  type ListDeadLettersRequest,
  ListDeadLettersRequestSchema,
  type RetryDeadLettersRequest,
  RetryDeadLettersRequestSchema,
  RetryOutcome,
} from "../../../gen/workflows/ops/v1/dead_letters_pb.ts";
import { Refusal } from "../../process/refusal.ts";
import type { Redelivered } from "../../runtime/dead-letters.ts";
import {
  countDeadLetters,
  findDeadLetter,
  findLetterHeads,
  type LetterFilters,
  type LetterHead,
  type LetterKey,
  type ListedLetter,
  listDeadLetters,
} from "../../store/reads/dead-letters.ts";
import { recordedActor, refuseAgent } from "./actor.ts";
import { checkFields, type Faults, readPageSize } from "./fields.ts";
import { requireScope } from "./guard.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const IDS_AT_MOST = 100;
const ID = /^([A-Za-z0-9_-]{1,128})\/([1-9][0-9]{0,14})$/;
const ENDS = { retried: LetterEnd.RETRIED, discarded: LetterEnd.DISCARDED };
const OUTCOMES: Readonly<Record<Redelivered["outcome"], RetryOutcome>> = {
  retried: RetryOutcome.RETRIED,
  failed: RetryOutcome.FAILED,
  away: RetryOutcome.AWAY,
};

/** ListDeadLetters. */
export async function answerListDeadLetters(
  deps: ReadDeps & Pick<WriteDeps, "caller">,
  request: ListDeadLettersRequest,
) {
  const { workspaceId, unattributed, settled, pageToken } = request;
  const faults = checkFields(ListDeadLettersRequestSchema, request);
  if (!unattributed) faults.require("workspace_id", workspaceId);
  const filters = { workspaceId: unattributed ? undefined : workspaceId, settled };
  const size = readPageSize(request.pageSize, faults);
  const before = readToken(pageToken, filters, faults);
  faults.refuseIfAny();
  if (unattributed && deps.caller !== undefined) requireScope(deps.caller, "workflows:admin");
  const { lists } = deps.database;
  const [rows, totalSize] = await Promise.all([
    listDeadLetters(lists, deps.visibility, filters, size, before),
    countDeadLetters(lists, deps.visibility, filters),
  ]);
  const last = rows.length < size ? undefined : rows.at(-1);
  return {
    deadLetters: rows.map(letterMessage),
    totalSize,
    nextPageToken: last === undefined ? "" : tokenOf(last.place, filters),
  };
}

/** RetryDeadLetters. */
export async function answerRetryDeadLetters(deps: WriteDeps, request: RetryDeadLettersRequest) {
  refuseAgent(deps.caller);
  const faults = checkFields(RetryDeadLettersRequestSchema, request);
  const letters = await requireLetters(deps, request.ids, faults);
  const results = [];
  const retried: LetterKey[] = [];
  // In the order of the ids, one at a time: a later message may follow from an earlier one.
  for (const letter of letters) {
    const id = idOf(letter);
    // Read when its turn comes: the bodies of all might not fit in memory, and another call may have settled it.
    const kept = await findDeadLetter(
      deps.database.callers,
      deps.visibility,
      letter,
      isAdmin(deps),
    );
    if (kept === undefined || kept.endedAt !== null) {
      results.push({ id, outcome: RetryOutcome.SETTLED });
      continue;
    }
    const { outcome, problem } = await deps.write.redeliver(kept);
    if (outcome === "retried") retried.push(letter);
    results.push({ id, outcome: OUTCOMES[outcome], problem });
  }
  await deps.write.endLetters(retried, endOf(deps, "retried", request.reason));
  return { results };
}

/** DiscardDeadLetters. */
export async function answerDiscardDeadLetters(
  deps: WriteDeps,
  request: DiscardDeadLettersRequest,
) {
  refuseAgent(deps.caller);
  const faults = checkFields(DiscardDeadLettersRequestSchema, request);
  const letters = await requireLetters(deps, request.ids, faults);
  const end = endOf(deps, "discarded", request.reason);
  return { discarded: await deps.write.endLetters(letters, end) };
}

/** Of the first message; undefined where it is not known, or is of no known workspace. */
export async function workspaceOfLetters(
  deps: ReadDeps,
  { ids }: { ids: readonly string[] },
): Promise<string | undefined> {
  const key = parseId(ids[0] ?? "");
  if (key === undefined) return undefined;
  const { database, visibility } = deps;
  const [letter] = await findLetterHeads(database.callers, visibility, [key], false);
  return letter?.workspaceId ?? undefined;
}

function endOf(deps: WriteDeps, as: "retried" | "discarded", reason: string) {
  return { as, reason, by: recordedActor(deps) ?? "", via: deps.via ?? "" };
}

/** The messages in the order of their ids; not_found when the caller does not see one. */
async function requireLetters(
  deps: WriteDeps,
  ids: readonly string[],
  faults: Faults,
): Promise<LetterHead[]> {
  if (ids.length === 0) faults.add("ids", "is required");
  if (ids.length > IDS_AT_MOST) faults.add("ids", `has ${ids.length} ids, over ${IDS_AT_MOST}`);
  const keys = ids.map((id, at) => {
    const key = parseId(id);
    if (key === undefined) faults.add(`ids[${at}]`, "is no id of a dead letter");
    return key;
  });
  if (new Set(ids).size < ids.length) faults.add("ids", "has an id twice");
  faults.refuseIfAny();
  const { database, visibility } = deps;
  const known = keys.filter((key) => key !== undefined);
  const found = await findLetterHeads(database.callers, visibility, known, isAdmin(deps));
  const byId = new Map(found.map((letter) => [idOf(letter), letter]));
  return ids.map((id) => {
    const letter = byId.get(id);
    if (letter !== undefined) return letter;
    const resource = { type: "dead_letter", name: id };
    throw new Refusal("not_found", `there is no dead letter ${id}`, { resource });
  });
}

function isAdmin({ caller }: WriteDeps): boolean {
  return caller === undefined || caller.scopes.has("workflows:admin");
}

function parseId(id: string): LetterKey | undefined {
  const [, stream, seq] = ID.exec(id) ?? [];
  return stream === undefined ? undefined : { stream, streamSeq: Number(seq) };
}

function idOf({ stream, streamSeq }: LetterKey): string {
  return `${stream}/${streamSeq}`;
}

function letterMessage(row: ListedLetter) {
  const { stream, streamSeq, subject, workspaceId, reason, problem, bytes, createdAt } = row;
  const { endedAs, endedBy, endedVia, endReason, endedAt } = row;
  return {
    ...{ id: idOf(row), stream, streamSeq: BigInt(streamSeq), subject, reason, problem, bytes },
    workspaceId: workspaceId ?? "",
    putAsideAt: timestampFromDate(createdAt),
    end: endedAs === null ? LetterEnd.UNSPECIFIED : ENDS[endedAs],
    endedBy: endedBy ?? "",
    endedVia: endedVia ?? "",
    endReason: endReason ?? "",
    ...(endedAt === null ? {} : { endedAt: timestampFromDate(endedAt) }),
  };
}

function tokenOf(place: number, filters: LetterFilters): string {
  return Buffer.from(`${place}/${hashOf(filters)}`).toString("base64url");
}

function readToken(token: string, filters: LetterFilters, faults: Faults): number | undefined {
  if (token === "") return undefined;
  const text = Buffer.from(token, "base64url").toString("utf8");
  const [, place = "", hash] = /^([1-9][0-9]{0,14})\/([0-9a-f]{16})$/.exec(text) ?? [];
  if (hash === hashOf(filters)) return Number(place);
  faults.add("page_token", "is not of a list with these filters");
  return undefined;
}

function hashOf({ workspaceId, settled }: LetterFilters): string {
  const text = JSON.stringify([workspaceId ?? null, settled]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
