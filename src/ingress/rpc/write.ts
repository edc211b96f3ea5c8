/**
 * The only way from a handler to what changes runs and definitions.
 * Boundary: adds what each change must carry; what is changed, and how, is runtime's.
 * Invariants:
 * 1. A change reaches what the call may see, and nothing else.
 * 2. A change is committed with the caller's key, or as the event that the key stands for (done-once.ts).
 */
import { randomUUID } from "node:crypto";
import type { StartRerun } from "../../engine/values/call.ts";
import type { VersionSpec } from "../../engine/values/definition.ts";
import { PRODUCTION } from "../../engine/values/environment.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import type { Cause, Input } from "../../engine/values/input.ts";
import type { CallerEvent, PlacedEvent } from "../../runtime/caller-events.ts";
import { endLetters, type LetterEnd, type Redelivered } from "../../runtime/dead-letters.ts";
import { createDefinition, type Published, publishVersion } from "../../runtime/definitions.ts";
import {
  type DeployVerdict,
  decideDeployment,
  putDeployPolicy,
  type Withdrawal,
  withdrawDeployment,
} from "../../runtime/deploy-approvals.ts";
import { type DeployOrder, deploy, type RetireOrder, retire } from "../../runtime/deployments.ts";
import type { OwnCall } from "../../runtime/own-submissions.ts";
import {
  type OfDefinition,
  pauseWorkflow,
  replayTriggers,
  resumeWorkflow,
  type WantedMissed,
  type WantedPause,
} from "../../runtime/pauses.ts";
import type { RunStart } from "../../runtime/processor.ts";
import {
  publishSource,
  type SourcePublication,
  type SourcePublished,
} from "../../runtime/publish-source.ts";
import { type RoutedEvent, routeEvent } from "../../runtime/routing/route-event.ts";
import { startRerun } from "../../runtime/start-rerun.ts";
import type { Settled } from "../../runtime/submission.ts";
import type { KeyClaim } from "../../store/caller-keys.ts";
import {
  type Changed,
  changeItem,
  type ItemChange,
  type SeenItem,
} from "../../store/inbox-notes.ts";
import type { KeptLetter, LetterKey } from "../../store/reads/dead-letters.ts";
import type { DefinitionRow } from "../../store/reads/definitions.ts";
import type { DeployPolicyRow } from "../../store/reads/deploy-policies.ts";
import type { DeploymentRow } from "../../store/reads/deployments.ts";
import type { PauseRow } from "../../store/reads/pauses.ts";
import { onlySeen, sees, type Visibility } from "../../store/reads/visibility.ts";
import { type BeforeVerbs, createBeforeVerbs } from "./before-verbs.ts";
import { createHookWrites, type HookWrites } from "./hook-writes.ts";
import type { PassedItem, ServiceParts } from "./service-parts.ts";
import { createStarterWrites, type StarterWrites } from "./starter-writes.ts";
import { createWorkflowWrite, type WorkflowWrite } from "./workflow-write.ts";

type NewDefinition = Parameters<typeof createDefinition>[1];
type DeployPolicyOrder = Parameters<typeof putDeployPolicy>[1];

/** The changes that a handler may make. Each resolves after its commit and rejects with a Refusal. */
export interface Write {
  /** The same for each try of a call with a key; undefined: the call has none. */
  readonly repeatableId: string | undefined;
  /** Hands an input to a run; not_found for a run that the call does not see. */
  submit(runId: string, input: Input): Promise<Settled>;
  /** Starts a run. */
  start(start: RunStart, cause: Cause): Promise<Settled>;
  /** Starts the rerun that this call of an earlier input stands for, once; gives the new run's id. */
  startRerun(own: OwnCall, call: StartRerun): Promise<string>;
  createDefinition(wanted: NewDefinition, by: string): Promise<DefinitionRow>;
  /** not_found for a definition that the call does not see. */
  publishVersion(definitionId: string, spec: VersionSpec, by: string): Promise<Published>;
  /** Deploys a version; not_found as before. */
  deploy(order: Omit<DeployOrder, "workspaceId">): Promise<DeploymentRow>;
  /** Decides a deployment that the call has read. */
  decideDeployment(seen: DeploymentRow, verdict: DeployVerdict): Promise<DeploymentRow>;
  /** Ends a deployment that waits, and that the call has read. */
  withdrawDeployment(seen: DeploymentRow, withdrawal: Withdrawal): Promise<DeploymentRow>;
  /** Says what deployments of a workspace need. */
  putDeployPolicy(policy: DeployPolicyOrder): Promise<DeployPolicyRow>;
  /** Ends what is deployed in an environment. */
  retire(order: Omit<RetireOrder, "workspaceId">): Promise<DeploymentRow>;
  /** Publishes what a source text describes, where its latest version is another one. */
  publishSource(publication: SourcePublication): Promise<SourcePublished>;
  /** Changes of workflows and of their drafts. */
  readonly workflows: WorkflowWrite;
  /** Changes an open item of the inbox that the call has read; who it is passed on to is told. */
  changeItem(seen: SeenItem, change: ItemChange, passed: PassedItem): Promise<Changed>;
  /**
   * Routes an event. An empty id is replaced by that of the caller's key, else by a random one. `repeatableId` is the id
   * by which a repeat of the call means the same event; undefined for a random one.
   */
  route(event: BusEvent): Promise<{ routed: RoutedEvent; repeatableId: string | undefined }>;
  /** Publishes an event on the bus. An empty id is replaced as by route; `id` is the one that it got. */
  publishEvent(event: CallerEvent): Promise<{ id: string; placed: PlacedEvent }>;
  /** Handles a message again that was put aside; one that turns out to be of a workspace that the call does not see is not. */
  redeliver(letter: KeptLetter): Promise<Redelivered>;
  /** Settles those of the messages that are open; gives how many were. The handler has found them by its Visibility. */
  endLetters(letters: readonly LetterKey[], end: LetterEnd): Promise<number>;
  /** Pauses a workflow, or changes its pause; not_found for one that the call does not see, as for the next two. */
  pauseWorkflow(wanted: Omit<WantedPause, "workspaceId">): Promise<PauseRow>;
  /** Ends the pause of a workflow; gives how many queued triggers start. */
  resumeWorkflow(wanted: Omit<OfDefinition, "workspaceId">): Promise<number>;
  /** Has missed triggers started. */
  replayTriggers(
    of: Omit<OfDefinition, "workspaceId">,
    wanted: WantedMissed,
  ): Promise<{ starting: number; more: boolean }>;
  /** Endpoints and schedules. */
  readonly starters: StarterWrites;
  readonly hooks: HookWrites;
}

/** The Idempotency-Key of a call. */
export interface CallKey {
  /** Whatever the call changes is committed with this claim. */
  readonly claim: KeyClaim;
  /** The id of the event that the call is when it names none. */
  readonly eventId: string;
}

/** What a call may see, and the program through which it comes; unset: it does not say. */
interface CallOfWrite {
  readonly visibility: Visibility;
  readonly via?: string | undefined;
}

/** The Write of one call. */
export function createWrite(service: ServiceParts, call: CallOfWrite, key?: CallKey): Write {
  const { visibility, via } = call;
  const parts = via === undefined ? service : { ...service, via };
  const { processor } = parts;
  const callerKey = key?.claim;
  // "" is any workspace's.
  const workspaceId = onlySeen(visibility) ?? "";
  const before = createBeforeVerbs(parts, workspaceId);
  return {
    repeatableId: key?.eventId,
    submit: (runId, input) =>
      processor.submit({ kind: "input", runId, workspaceId, input, callerKey }),
    async start(start, cause) {
      requireSeen(visibility, start.workspaceId);
      return processor.submit({ kind: "start", start, cause, callerKey });
    },
    async startRerun(own, call) {
      requireSeen(visibility, own.workspaceId);
      return startRerun(parts, own, call);
    },
    ...versionWrites(parts, visibility, before, callerKey),
    get workflows() {
      return createWorkflowWrite({ ...parts, callerKey }, visibility, before);
    },
    async changeItem(seen, change, passed) {
      const { id: noteId, by, to, text: reason } = change;
      const { delegations } = change.kind === "delegated" ? parts : {};
      const notice = delegations?.noticeOf({ ...passed, noteId, by, to, reason });
      const changed = await changeItem(parts.database, seen, change, notice);
      if (notice !== undefined) delegations?.onKept();
      return changed;
    },
    async route(event) {
      requireSeen(visibility, event.workspaceId);
      const repeatableId = event.id || key?.eventId;
      const routed = await routeEvent(parts, { ...event, id: repeatableId ?? randomUUID() });
      return { routed, repeatableId };
    },
    async publishEvent(event) {
      requireSeen(visibility, event.workspaceId);
      if (parts.publishEvent === undefined) throw new Error("nothing publishes events of callers");
      const id = event.id || key?.eventId || randomUUID();
      return { id, placed: await parts.publishEvent({ ...event, id }) };
    },
    async redeliver(letter) {
      if (parts.redeliver === undefined) throw new Error("nothing handles messages again");
      return parts.redeliver(letter, (workspace) => sees(visibility, workspace));
    },
    endLetters: (letters, end) => endLetters(parts, letters, end),
    ...pauseWrites(parts, workspaceId, before, callerKey),
    starters: createStarterWrites(parts, workspaceId, callerKey),
    get hooks() {
      return createHookWrites({ ...parts, callerKey }, visibility);
    },
  };
}

/** Pauses of workflows, and the triggers that were missed in them. */
function pauseWrites(
  parts: ServiceParts,
  workspaceId: string,
  before: BeforeVerbs,
  callerKey?: KeyClaim,
) {
  return {
    async pauseWorkflow(wanted) {
      await before.workflow("pause", wanted.definitionId, wanted);
      return pauseWorkflow({ ...parts, callerKey }, { ...wanted, workspaceId });
    },
    async resumeWorkflow(wanted) {
      await before.workflow("resume", wanted.definitionId, wanted);
      return resumeWorkflow({ ...parts, callerKey }, { ...wanted, workspaceId });
    },
    replayTriggers: (of, wanted) =>
      replayTriggers({ ...parts, callerKey }, { ...of, workspaceId }, wanted),
  } satisfies Partial<Write>;
}

/** Definitions, their versions, and where these are deployed. */
function versionWrites(
  parts: ServiceParts,
  visibility: Visibility,
  before: BeforeVerbs,
  callerKey?: KeyClaim,
) {
  const workspaceId = onlySeen(visibility) ?? "";
  return {
    async createDefinition(wanted, by) {
      requireSeen(visibility, wanted.workspaceId);
      await before.made(wanted, { by, reason: "" });
      return createDefinition({ ...parts, callerKey }, wanted, by);
    },
    async publishVersion(definitionId, spec, by) {
      await before.activation(definitionId, { by, note: "", environment: PRODUCTION });
      const wanted = { definitionId, workspaceId, spec, by, note: "" };
      return publishVersion({ ...parts, callerKey }, wanted);
    },
    async deploy(order) {
      await before.activation(order.definitionId, order);
      return deploy({ ...parts, callerKey }, { ...order, workspaceId });
    },
    async decideDeployment(seen, verdict) {
      const { definitionId, environment, version } = seen;
      const { by, reason: note } = verdict;
      const wanted = { by, note, environment, version };
      // A repeat of the decision activates nothing.
      const isActivation = verdict.isApproved && seen.state === "PENDING_APPROVAL";
      if (isActivation) await before.activation(definitionId, wanted);
      return decideDeployment({ ...parts, callerKey }, seen, verdict);
    },
    withdrawDeployment: (seen, withdrawal) =>
      withdrawDeployment({ ...parts, callerKey }, seen, withdrawal),
    async putDeployPolicy(policy) {
      requireSeen(visibility, policy.workspaceId);
      return putDeployPolicy({ ...parts, callerKey }, policy);
    },
    retire: (order) => retire({ ...parts, callerKey }, { ...order, workspaceId }),
    async publishSource(publication) {
      requireSeen(visibility, publication.workspaceId);
      const mustRepeat = !(await before.named(publication));
      return publishSource({ ...parts, callerKey }, { ...publication, mustRepeat });
    },
  } satisfies Partial<Write>;
}

/** A caller cannot come here: what it names is refused before (call-workspace.ts), what it does not see is not found. */
function requireSeen(visibility: Visibility, workspaceId: string): void {
  if (sees(visibility, workspaceId)) return;
  throw new Error(`a handler writes to workspace ${workspaceId}, which its call does not see`);
}
