/**
 * Workflows as entities with verbs and hooks: `Workflow.find`, `Workflow.activate`, `Workflow.activating`.
 * Boundary: a façade over the client library; it holds its hooks, and nothing that is global. Runs in browsers too.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import {
  type ClientOptions,
  createWorkflowsClient,
  type WorkflowsClient,
} from "../client/client.ts";
import type { IteratorOptions } from "../client/lists.ts";
import type { CursorStore } from "../client/watches.ts";
import type {
  NewWorkflow,
  TriggeredWorkflow,
  WorkflowChanges,
  WorkflowEntity,
  WorkflowSummary,
} from "./entity.ts";
import { requireFields, requireId, requireTexts } from "./fields.ts";
import { type FindOptions, type Found, find, type WorkflowFilter } from "./find.ts";
import { type AfterHook, AfterHooks } from "./hooks.ts";
import { inOwnWords, refusedFields } from "./refusals.ts";
import type { Verb } from "./states.ts";
import { inProduction, load, type Store, type VerbOptions } from "./store.ts";
import { Verbs } from "./verbs.ts";

/** Whose entities, how the service is reached, and what hooks after verbs need. */
export type EntitiesOptions = (ClientOptions | { readonly client: WorkflowsClient }) & {
  /** All entities are of it. */
  readonly workspace: string;
  /** Where the hooks after verbs go on after a restart of the program; without it they begin with what changes from now on. */
  readonly cursors?: CursorStore;
  /** What a hook after a verb fails with, and what cuts its stream; both are tried again. Written to the console unless given. */
  onError?(error: unknown): void;
};

/** An event to publish. */
export interface NewEvent {
  readonly type: string;
  readonly data?: JsonObject;
  readonly source?: string;
  readonly subject?: string;
  /** With the source it identifies the event: a repeat is dropped while the stream knows it. At random unless given. */
  readonly id?: string;
  readonly reason?: string;
}

/** What hooks are called with beside the workflow. */
export interface Entities$ {
  readonly Workflow: WorkflowNoun;
  readonly Event: {
    /** Publishes an event as other services do: it starts the workflows that wait for its type. Gives its id. */
    create(event: NewEvent, options?: IteratorOptions): Promise<{ readonly $id: string }>;
  };
}

/** Called before a verb, in the process that calls it: what it throws is what the verb rejects with. */
export type BeforeHook<Given = undefined> = (
  workflow: WorkflowEntity,
  $: Entities$,
  given: Given,
) => void | Promise<void>;
/** Called before `create`. */
export type BeforeCreateHook = (fields: NewWorkflow, $: Entities$) => void | Promise<void>;

/** Ends a hook. */
export type Unhook = () => void;

type After = AfterHook<Entities$>;

/** The noun. Every verb takes a reason, rejects with a WorkflowsError, and gives the workflow as it is then. */
export interface WorkflowNoun {
  find(
    filter: WorkflowFilter,
    options: FindOptions & { readonly withContent: true },
  ): Found<WorkflowEntity>;
  find(filter?: WorkflowFilter, options?: FindOptions): Found<WorkflowSummary>;
  get(id: string, options?: IteratorOptions): Promise<WorkflowEntity>;
  /** Makes a Draft. */
  create(fields: NewWorkflow, options?: VerbOptions): Promise<WorkflowEntity>;
  /** Of a workflow that was activated, new content is the next version, and starts runs from now on. */
  update(id: string, changes: WorkflowChanges, options?: VerbOptions): Promise<WorkflowEntity>;
  /** From now on its event starts runs. Ends a pause. */
  activate(id: string, options?: VerbOptions): Promise<WorkflowEntity>;
  /** From now on its event starts nothing. Runs under way go on. */
  pause(id: string, options?: VerbOptions): Promise<WorkflowEntity>;
  /** Starts a run with this data in place of the event's. */
  trigger(id: string, data?: JsonObject, options?: IteratorOptions): Promise<TriggeredWorkflow>;
  archive(id: string, options?: VerbOptions): Promise<WorkflowEntity>;
  /** Only without runs. */
  delete(id: string, options?: VerbOptions): Promise<void>;
  creating(hook: BeforeCreateHook): Unhook;
  created(hook: After): Unhook;
  updating(hook: BeforeHook<WorkflowChanges>): Unhook;
  updated(hook: After): Unhook;
  activating(hook: BeforeHook): Unhook;
  activated(hook: After): Unhook;
  pausing(hook: BeforeHook): Unhook;
  paused(hook: After): Unhook;
  triggering(hook: BeforeHook<JsonObject>): Unhook;
  /** Whatever starts the run. Starts have no cursor: those that happen while the program does not run are not seen. */
  triggered(hook: After): Unhook;
  archiving(hook: BeforeHook): Unhook;
  archived(hook: After): Unhook;
  deleting(hook: BeforeHook): Unhook;
  deleted(hook: After): Unhook;
}

/** Entities of one workspace. */
export interface Entities {
  readonly Workflow: WorkflowNoun;
  readonly $: Entities$;
  readonly client: WorkflowsClient;
  /** Ends the streams of the hooks after verbs; resolves when none of them runs any more. Without it they keep a program alive. */
  close(): Promise<void>;
}

/** Makes the entities of a workspace; nothing is sent before the first call. */
export function createEntities(options: EntitiesOptions): Entities {
  const { workspace: workspaceId, cursors = inMemory() } = options;
  if (typeof workspaceId !== "string" || workspaceId === "") {
    const description = "must be the id of a workspace";
    throw refusedFields("createEntities", [{ field: "workspace", description }]);
  }
  const client = "client" in options ? options.client : createWorkflowsClient(options);
  const onError = options.onError ?? ((error: unknown) => console.error(error));
  const store: Store = { client, workspaceId };
  const before = new BeforeHooks();
  const after = new AfterHooks<Entities$>({ store, cursors, onError, get$: () => $ });
  const verbs = new Verbs({
    store,
    askBefore: (verb, workflow, given) => before.ask(verb, workflow, $, given),
    askBeforeCreate: (fields) => before.ask("create", fields, $, undefined),
    ready: () => after.begun(),
  });
  const Workflow = nounOf(store, verbs, before, after);
  const $: Entities$ = {
    Workflow,
    Event: { create: (event, given) => publish(store, event, given) },
  };
  return { Workflow, $, client, close: () => after.close() };
}

function nounOf(
  store: Store,
  verbs: Verbs,
  before: BeforeHooks,
  after: AfterHooks<Entities$>,
): WorkflowNoun {
  // Which of the two types it gives is what `withContent` says.
  const search = (filter: WorkflowFilter = {}, options: FindOptions = {}) =>
    find(store, filter, options) as Found<WorkflowEntity>;
  return {
    find: search,
    async get(id, options) {
      requireId("Workflow.get", id);
      return inOwnWords(async () => (await load(store, id, options)).entity);
    },
    create: (fields, options = {}) => verbs.create(fields, options),
    update: (id, changes, options = {}) => verbs.update(id, changes, options),
    activate: (id, options = {}) => verbs.activate(id, options),
    pause: (id, options = {}) => verbs.pause(id, options),
    trigger: (id, data = {}, options = {}) => verbs.trigger(id, data, options),
    archive: (id, options = {}) => verbs.archive(id, options),
    delete: (id, options = {}) => verbs.delete(id, options),
    creating: (hook) => before.add("create", hook),
    created: (hook) => after.add("create", hook),
    updating: (hook) => before.add("update", hook),
    updated: (hook) => after.add("update", hook),
    activating: (hook) => before.add("activate", hook),
    activated: (hook) => after.add("activate", hook),
    pausing: (hook) => before.add("pause", hook),
    paused: (hook) => after.add("pause", hook),
    triggering: (hook) => before.add("trigger", hook),
    triggered: (hook) => after.add("trigger", hook),
    archiving: (hook) => before.add("archive", hook),
    archived: (hook) => after.add("archive", hook),
    deleting: (hook) => before.add("delete", hook),
    deleted: (hook) => after.add("delete", hook),
  };
}

/** Any of the hooks before verbs: its arguments are those of its verb. */
type AnyBefore = (workflow: never, $: Entities$, given: never) => void | Promise<void>;

/** Hooks before verbs, asked in the order in which they were added. */
class BeforeHooks {
  readonly #hooks = new Map<Verb, Set<AnyBefore>>();

  add(verb: Verb, hook: AnyBefore): Unhook {
    const hooks = this.#hooks.get(verb) ?? new Set();
    this.#hooks.set(verb, hooks.add(hook));
    return () => {
      hooks.delete(hook);
    };
  }

  async ask(verb: Verb, workflow: unknown, $: Entities$, given: unknown): Promise<void> {
    for (const hook of this.#hooks.get(verb) ?? []) {
      await hook(workflow as never, $, given as never);
    }
  }
}

const EVENT_FIELDS = ["type", "data", "source", "subject", "id", "reason"];

async function publish(
  { client, workspaceId }: Store,
  event: NewEvent,
  { signal }: IteratorOptions = {},
): Promise<{ readonly $id: string }> {
  const call = "Event.create";
  requireFields(call, event, EVENT_FIELDS);
  requireTexts(
    call,
    event,
    EVENT_FIELDS.filter((field) => field !== "data"),
  );
  const { id } = await client.runs.publishEvent({ workspaceId, ...event }, inProduction(signal));
  return { $id: id };
}

function inMemory(): CursorStore {
  let saved = "";
  return {
    load: () => saved,
    save(cursor) {
      saved = cursor;
    },
  };
}
