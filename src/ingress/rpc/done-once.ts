/**
 * Wraps the handlers of RPCs that write: with an Idempotency-Key header a call is done once.
 * Boundary: reads the key, hashes the request, encodes the answer; what a key stands for is runtime/caller-keys.ts.
 * A key is scoped by method and workspace: the caller's, else the one that the request names, else the one that owns the
 * object it names. In the operations API its answer is for the caller that got it first; a key of the contract is stored as
 * replicas of the release before read it, without its caller.
 */
import { createHash } from "node:crypto";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import { reached } from "../../process/crash-points.ts";
import type { FieldFault } from "../../process/refusal.ts";
import type { AppliedKey, KeyClaim } from "../../store/caller-keys.ts";
import { findDefinition } from "../../store/reads/definitions.ts";
import { findRunHead } from "../../store/reads/run-heads.ts";
import { onlySeen } from "../../store/reads/visibility.ts";
import { decodeMessage, encodeMessage } from "../../wire/proto/messages.ts";
import { writeFloats } from "../../wire/proto/written-floats.ts";
import { recordedActor } from "./actor.ts";
import { depsOfCall } from "./call-workspace.ts";
import { checkFields, checkText, invalidFields } from "./fields.ts";
import { OMITTED } from "./left-out.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { ServiceParts } from "./service-parts.ts";
import { createWrite } from "./write.ts";

/** How one RPC is done, and done again. */
export interface OnceRules<I extends DescMessage, O extends DescMessage> {
  /** Where its keys belong when no caller is authenticated; undefined: nowhere, and the handler says what is wrong with the request. */
  workspaceOf(deps: ReadDeps, request: MessageShape<I>): Promise<string | undefined>;
  answer(deps: WriteDeps, request: MessageShape<I>): Promise<MessageInitShape<O>>;
  /** The answer to a call that is committed but was never answered; `appliedTo` is what it made or changed. */
  answerAgain(
    deps: WriteDeps,
    request: MessageShape<I>,
    appliedTo: string,
  ): Promise<MessageInitShape<O>>;
  /** The answer has what is shown once, and is not kept: a repeat is answered by answerAgain. */
  readonly isShownOnce?: true;
}

const HEADER = "Idempotency-Key";
const KEY = /^[\x21-\x7e]{1,255}$/;
const EVENT_ID_DIGITS = 32;

/** A method of these is stored by its name alone, as replicas of the release before read it. */
const BY_NAME: ReadonlySet<string> = new Set(
  [WorkflowService, Runs, Inbox, Workflows].map(({ typeName }) => typeName),
);

/** What the keys of a method are scoped by: several services have a Create. */
function scopeOf({ name, parent }: DescMethod): string {
  return BY_NAME.has(parent.typeName) ? name : `${parent.name}.${name}`;
}

/** The handler of a write RPC. Refuses a key that is not 1 to 255 visible ASCII characters. */
export function doneOnce<I extends DescMessage, O extends DescMessage>(
  parts: ServiceParts,
  method: DescMethodUnary<I, O>,
  rules: OnceRules<I, O>,
): (request: MessageShape<I>, context: HandlerContext) => Promise<MessageShape<O>> {
  return async (request, context) => {
    const call = depsOfCall(parts, context);
    const deps = { ...call, write: createWrite(parts, call) };
    const key = context.requestHeader.get(HEADER);
    if (key === null) return create(method.output, await rules.answer(deps, request));
    requireKey(key);
    // The handler reports the fault. What cannot be stored is not hashed either.
    if (checkFields(method.input, request).list.length > 0) {
      return create(method.output, await rules.answer(deps, request));
    }
    const workspaceId = onlySeen(deps.visibility) ?? (await rules.workspaceOf(deps, request));
    if (workspaceId === undefined) {
      return create(method.output, await rules.answer(deps, request));
    }
    writeFloats(method.input, request);
    const requestHash = placedHash(hashOf(request), call.environment);
    const keyedCall = {
      ...{ workspaceId, method: scopeOf(method), key },
      bodyHash: isOfContract(method) ? requestHash : boundHash(requestHash, recordedActor(deps)),
    };
    const claimed = await parts.callerKeys.begin(keyedCall);
    if (claimed.kind === "answered") return readKept(method.output, claimed.answer);
    const { claim } = claimed;
    await reached("rpc.key.claimed", method.name);
    const eventId = eventIdOf(claim, requestHash);
    const write = createWrite(parts, call, { claim, eventId });
    const keyed = { ...call, write };
    return parts.heldKeys.during(claim, async () => {
      const answer = await orGiveBack(parts, claim, async () =>
        create(
          method.output,
          claimed.kind === "do"
            ? await rules.answer(keyed, request)
            : await rules.answerAgain(keyed, request, claimed.appliedTo),
        ),
      );
      // Read anew a repeat has the headers that say what is left out.
      const isKept = !call.answerHeader.has(OMITTED) && rules.isShownOnce !== true;
      const kept = isKept ? encodeMessage(method.output, answer) : null;
      await reached("rpc.done", method.name);
      await keep(parts, { ...claim, appliedTo: eventId }, kept);
      await reached("rpc.answer.kept", method.name);
      return answer;
    });
  };
}

/** As it was given first, in JSON too. */
function readKept<O extends DescMessage>(desc: O, bytes: Uint8Array): MessageShape<O> {
  const answer = decodeMessage(desc, bytes);
  writeFloats(desc, answer);
  return answer;
}

/** Refuses a call with several keys, by the header's name; `rawHeaders` are names and values in turn. */
export function requireOneKey(rawHeaders: readonly string[]): void {
  const isKey = (text: string, place: number) =>
    place % 2 === 0 && text.toLowerCase() === HEADER.toLowerCase();
  if (rawHeaders.filter(isKey).length <= 1) return;
  throw invalidFields([{ field: HEADER, description: "is there more than once; send one" }]);
}

/** The workspace that the request names. */
export async function namedWorkspace(_deps: ReadDeps, request: { workspaceId: string }) {
  return isStorable(request.workspaceId) ? request.workspaceId : undefined;
}

/** The workspace that a request names, else that of its definition. */
export function workspaceOfStart(
  deps: ReadDeps,
  request: { workspaceId: string; definitionId: string },
) {
  const { workspaceId } = request;
  return workspaceId === "" ? workspaceOfDefinition(deps, request) : namedWorkspace(deps, request);
}

/** The workspace of the definition that the request names. */
export async function workspaceOfDefinition(
  { database, visibility }: ReadDeps,
  { definitionId }: { definitionId: string },
): Promise<string | undefined> {
  if (!isStorable(definitionId)) return undefined;
  return (await findDefinition(database.callers, visibility, definitionId))?.workspaceId;
}

/** The workspace of a run. */
export async function workspaceOfRun(
  { database, visibility }: ReadDeps,
  runId: string,
): Promise<string | undefined> {
  if (!isStorable(runId)) return undefined;
  return (await findRunHead(database.callers, visibility, runId))?.workspaceId;
}

function requireKey(key: string): void {
  if (KEY.test(key)) return;
  const description = "must be 1 to 255 visible ASCII characters";
  throw invalidFields([{ field: HEADER, description }]);
}

function isStorable(id: string): boolean {
  const faults: FieldFault[] = [];
  checkText("id", id, faults);
  return id !== "" && faults.length === 0;
}

/** The same for the same request in every encoding. Not over its bytes: clients write maps in any order. */
function hashOf(request: object): Buffer {
  const text = JSON.stringify(request, (_name, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(byName));
  });
  return createHash("sha256").update(text).digest();
}

function isOfContract({ parent }: DescMethodUnary): boolean {
  return parent.typeName === WorkflowService.typeName;
}

/** The hash of a request in an environment: in another one it is another request. */
function placedHash(requestHash: Buffer, environment: string | undefined): Buffer {
  if (environment === undefined) return requestHash;
  return createHash("sha256").update(requestHash).update(environment).digest();
}

/** The hash of a request by the one who acts. */
function boundHash(requestHash: Buffer, actor: string | undefined): Buffer {
  if (actor === undefined) return requestHash;
  return createHash("sha256").update(requestHash).update(actor).digest();
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function eventIdOf({ workspaceId, key }: KeyClaim, requestHash: Buffer): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([workspaceId, key]))
    .update(requestHash);
  return `key_${hash.digest("hex").slice(0, EVENT_ID_DIGITS)}`;
}

async function orGiveBack<T>(
  { callerKeys, log }: ServiceParts,
  claim: KeyClaim,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    await callerKeys.giveBack(claim).catch((error: unknown) => {
      log.warn("a key could not be given back; it is free when its lease ends", { error });
    });
    throw thrown;
  }
}

/** The call is done and its caller gets OK, also when the answer cannot be kept: a repeat reads it anew. */
async function keep(
  { callerKeys, log }: ServiceParts,
  key: AppliedKey,
  answer: Uint8Array | null,
): Promise<void> {
  await callerKeys.keepAnswer(key, answer).catch((error: unknown) => {
    log.warn("the answer to a call with a key could not be kept", { error });
  });
}
