/**
 * The verbs of `Workflow`: what is checked, who is asked before, and the calls that do it.
 * Boundary: one call after the other; a verb that fails in between leaves what its calls have done, and can be called again.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { compileContent, type GivenContent } from "./compile/content.ts";
import { findUnwritable, isObject } from "./compile/json.ts";
import {
  CHANGED_FIELDS,
  CREATED_FIELDS,
  type NewWorkflow,
  READ_FIELDS,
  type TriggeredWorkflow,
  type WorkflowChanges,
  type WorkflowEntity,
} from "./entity.ts";
import { requireFields, requireId, requireTexts } from "./fields.ts";
import { otherWorkspace } from "./find.ts";
import { inOwnWords, isLostRace, refusedContent, refusedFields, refusedMove } from "./refusals.ts";
import { BECOMES, refusalOf, type Verb } from "./states.ts";
import {
  activate,
  changeContent,
  changeFacts,
  createDraft,
  inProduction,
  type Loaded,
  load,
  requireSound,
  type Store,
  type VerbOptions,
} from "./store.ts";

/** Asked before a verb is done to a workflow that is there: rejects to refuse it. */
type AskBefore = (
  verb: Exclude<Verb, "create">,
  workflow: WorkflowEntity,
  given: unknown,
) => Promise<void>;

/** What the verbs work on. */
export interface VerbsOptions {
  readonly store: Store;
  readonly askBefore: AskBefore;
  /** Asked before `create`. */
  readonly askBeforeCreate: (fields: NewWorkflow) => Promise<void>;
  /** Awaited before anything is changed. */
  readonly ready: () => Promise<void>;
}

/** See the file's head. */
export class Verbs {
  readonly #options: VerbsOptions;

  constructor(options: VerbsOptions) {
    this.#options = options;
  }

  async create(fields: NewWorkflow, options: VerbOptions): Promise<WorkflowEntity> {
    const { store, askBeforeCreate, ready } = this.#options;
    const call = "Workflow.create";
    requireFields(call, fields, CREATED_FIELDS, READ_FIELDS);
    requireTexts(call, fields, ["name", "description", "organization"], ["description"]);
    const missing = (["name", "triggerEvent"] as const).filter((field) => !fields[field]);
    if (missing.length > 0) {
      const asFault = (field: string) => ({ field, description: "is required" });
      throw refusedFields(call, missing.map(asFault));
    }
    const { organization = store.workspaceId } = fields;
    if (organization !== store.workspaceId) throw otherWorkspace(call, store.workspaceId);
    const sourceText = await this.#soundText(call, fields.name, contentOf(fields));
    await askBeforeCreate(fields);
    await ready();
    return inOwnWords(async () => {
      const id = await createDraft(store, fields, sourceText, options);
      return (await load(store, id, options)).entity;
    });
  }

  /** Where somebody else has changed the workflow since it was read, it is read again and changed once more, with the hooks asked again. */
  async update(
    id: string,
    changes: WorkflowChanges,
    options: VerbOptions,
  ): Promise<WorkflowEntity> {
    const tried = { isWriting: false };
    try {
      return await this.#updateOnce(id, changes, options, tried);
    } catch (error) {
      // What a hook throws is the hook's, whatever it says.
      if (!tried.isWriting || !isLostRace(error)) throw error;
      return this.#updateOnce(id, changes, options, tried);
    }
  }

  #updateOnce(
    id: string,
    changes: WorkflowChanges,
    options: VerbOptions,
    tried: { isWriting: boolean },
  ): Promise<WorkflowEntity> {
    const { store } = this.#options;
    const call = "Workflow.update";
    const work = async (loaded: Loaded) => {
      const { entity } = loaded;
      const name = changes.name ?? entity.name;
      const sourceText = await this.#changedText(call, loaded, name, changes);
      return async () => {
        tried.isWriting = true;
        await changeFacts(store, loaded, changes, options);
        if (sourceText === undefined) return;
        await changeContent(store, loaded, sourceText, options);
      };
    };
    return this.#onEntity("update", id, options, {
      given: changes,
      require() {
        requireFields(call, changes, CHANGED_FIELDS, [...READ_FIELDS, "organization"]);
        requireTexts(call, changes, ["name", "description"], ["description"]);
        if (changes.name !== "") return;
        throw refusedFields(call, [{ field: "name", description: "cannot be taken away" }]);
      },
      prepare: work,
    });
  }

  activate(id: string, options: VerbOptions): Promise<WorkflowEntity> {
    const { store } = this.#options;
    return this.#onEntity("activate", id, options, {
      isNext: true,
      prepare: async (loaded) => () => activate(store, loaded, options),
    });
  }

  pause(id: string, { signal, reason = "" }: VerbOptions): Promise<WorkflowEntity> {
    const { sources } = this.#options.store.client;
    return this.#onEntity("pause", id, signal && { signal }, {
      prepare: async () => () => sources.pause({ definitionId: id, reason }, { signal }),
    });
  }

  archive(id: string, { signal, reason = "" }: VerbOptions): Promise<WorkflowEntity> {
    const { sources } = this.#options.store.client;
    return this.#onEntity("archive", id, signal && { signal }, {
      prepare: async () => () => sources.archive({ definitionId: id, reason }, { signal }),
    });
  }

  async trigger(id: string, data: JsonObject, { signal }: VerbOptions): Promise<TriggeredWorkflow> {
    const { workflows } = this.#options.store.client;
    let runId = "";
    const entity = await this.#onEntity("trigger", id, signal && { signal }, {
      given: data,
      require() {
        const unwritable = isObject(data) ? findUnwritable(data) : "";
        if (unwritable === undefined) return;
        const description = "must be an object of JSON values";
        throw refusedFields("Workflow.trigger", [{ field: `data${unwritable}`, description }]);
      },
      prepare: async () => async () => {
        const request = { definitionId: id, inputPayload: data };
        const { run } = await workflows.startRun(request, inProduction(signal));
        runId = run?.id ?? "";
      },
    });
    return { ...entity, runId };
  }

  async delete(id: string, { signal, reason = "" }: VerbOptions): Promise<void> {
    const { client, workspaceId } = this.#options.store;
    const request = { definitionId: id, workspaceId, reason };
    await this.#begin("delete", id, signal && { signal }, {
      prepare: async () => () => client.sources.delete(request, { signal }),
    });
  }

  async #onEntity(
    verb: Exclude<Verb, "create">,
    id: string,
    options: VerbOptions | undefined,
    work: Work,
  ): Promise<WorkflowEntity> {
    await this.#begin(verb, id, options, work);
    return inOwnWords(async () => (await load(this.#options.store, id, options)).entity);
  }

  /** What all verbs on a workflow have in common. Hooks are asked when nothing but the service can refuse any more. */
  async #begin(
    verb: Exclude<Verb, "create">,
    id: string,
    options: VerbOptions | undefined,
    { given, isNext, require, prepare }: Work,
  ): Promise<void> {
    const { store, askBefore, ready } = this.#options;
    const call = `Workflow.${verb}`;
    requireId(call, id);
    require?.();
    const loaded = await inOwnWords(() => load(store, id, options, isNext));
    const { status, openRuns } = loaded.entity;
    const refused = refusalOf(verb, status, openRuns);
    if (refused !== undefined) {
      const { from, way } = refused;
      const moves = `workflow ${id} is ${from}, and cannot become ${BECOMES[verb]}`;
      throw refusedMove(`${call}: ${moves}: ${way}`, from, BECOMES[verb]);
    }
    const change = await prepare(loaded);
    await askBefore(verb, loaded.entity, given);
    await ready();
    await inOwnWords(change);
  }

  /** The file of a workflow whose content or name changes; undefined: its file stays as it is. */
  async #changedText(
    call: string,
    { entity, isReplaceable, draftEtag }: Loaded,
    name: string,
    changes: WorkflowChanges,
  ): Promise<string | undefined> {
    const isContent = CONTENT_FIELDS.some((field) => changes[field] !== undefined);
    const isRenamedDraft = name !== entity.name && entity.version === 0 && draftEtag !== undefined;
    if (!isContent && !(isRenamedDraft && isReplaceable)) return undefined;
    if (!isReplaceable) {
      throw refusedContent(
        `${call}: the file of workflow ${entity.$id} says more than steps, triggerEvent, retryPolicy, errorHandling and timeout can: ` +
          "change its file",
      );
    }
    return this.#soundText(call, name, { ...entity, ...contentOf(changes) });
  }

  async #soundText(call: string, name: string, content: GivenContent): Promise<string> {
    const { store } = this.#options;
    const compiled = compileContent(name, content);
    if (!compiled.ok) throw refusedFields(call, compiled.faults);
    // Without steps it is a draft that is begun.
    if (compiled.hasSteps) {
      await inOwnWords(() => requireSound(store, call, compiled.sourceText));
    }
    return compiled.sourceText;
  }
}

/** The content that changes stand for: null and an empty text take a field away. */
function contentOf(changes: WorkflowChanges): GivenContent {
  const given = CONTENT_FIELDS.filter((field) => changes[field] !== undefined);
  const content: GivenContent = Object.fromEntries(
    given.map((field) => [
      field,
      changes[field] === "" ? undefined : (changes[field] ?? undefined),
    ]),
  );
  // It is kept with each step, and goes with them.
  const isWithoutSteps = given.includes("steps") && isNothing(content.steps);
  return isWithoutSteps ? { errorHandling: undefined, ...content } : content;
}

function isNothing(steps: unknown): boolean {
  return steps === undefined || (Array.isArray(steps) && steps.length === 0);
}

interface Work {
  readonly given?: unknown;
  /** The hooks judge the draft, if there is one. */
  readonly isNext?: boolean;
  /** Refuses what is given. */
  require?(): void;
  /** Refuses what the workflow does not allow; gives what changes it. */
  prepare(loaded: Loaded): Promise<() => Promise<unknown>>;
}

const CONTENT_FIELDS = [
  ...(["triggerEvent", "steps", "retryPolicy", "errorHandling", "timeout"] as const),
];
