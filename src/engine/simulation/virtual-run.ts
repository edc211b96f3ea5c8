/**
 * One run in memory, on a virtual clock: rows are kept here instead of in a database.
 * Boundary: folds one input at a time by the engine's transition; what is put in, and when, is player.ts.
 */
import { type Draft, openDraft } from "../draft/draft.ts";
import { MissingRows } from "../draft/missing-rows.ts";
import type { Graph } from "../graph/graph.ts";
import { transition } from "../transition.ts";
import { type ChildRun, type ChildSet, comparePlaces, isInSet } from "../values/child-run.ts";
import type { Cause, Input } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";
import type { Lookups } from "../values/lookups.ts";
import { newRun, type RunFacts } from "../values/new-run.ts";
import type { Reply } from "../values/reply.ts";
import type { Run, StepRun } from "../values/run.ts";

/** An input without its cause. */
export type BareInput = Input extends infer I
  ? I extends Input
    ? Omit<I, "cause">
    : never
  : never;

/** What a fold did. */
export interface Folded {
  readonly reply: Reply;
  readonly draft: Draft;
}

const CAUSE: Cause = { kind: "engine", id: "simulation" };
/** Rows of steps are all there. Rows of children are asked for set by set, some for each step that has them. */
const ROUNDS_OF_CHILDREN = 16;

/** Every agent is known, and every capability has one. */
const LOOKUPS: Lookups = {
  find: ({ agentId, capability, skillId, promptName }) => ({
    agentId: agentId === "" ? `an agent for ${capability}` : agentId,
    skillId,
    ...(promptName === "" ? {} : { prompt: { name: promptName, version: 1, versionId: "" } }),
  }),
};

const FACTS: RunFacts = {
  id: "wfr_simulation",
  workspaceId: "",
  definitionId: "",
  versionId: "",
  definitionVersion: 0,
  triggerType: "MANUAL",
  triggerEventId: "",
  triggerSource: "",
  initiatorAgentId: "",
  initiatorUserId: "",
  parentRunId: "",
  entityId: "",
  entityType: "",
  hops: 0,
};

/** See the file's head. */
export class VirtualRun {
  readonly graph: Graph;
  readonly input: JsonObject;
  readonly rows = new Map<number, StepRun>();
  run: Run;
  nowMs: number;
  /** Units that all transitions took (values/budget.ts). */
  units = 0;
  readonly #children = new Map<string, ChildRun>();
  readonly #rounds: number;

  constructor(graph: Graph, input: JsonObject, facts: Partial<RunFacts>, startMs: number) {
    this.graph = graph;
    this.input = input;
    this.nowMs = startMs;
    const { triggerType } = graph.spec.trigger;
    this.run = newRun(graph, { ...FACTS, triggerType, ...facts }, startMs);
    const parents = graph.steps.filter(({ children }) => children !== undefined).length;
    this.#rounds = 6 + ROUNDS_OF_CHILDREN * parents;
  }

  /** Folds an input and keeps what changed. */
  put(bare: BareInput): Folded {
    const input = { ...bare, cause: CAUSE } as Input;
    const sets: ChildSet[] = [];
    for (let round = 0; round < this.#rounds; round += 1) {
      const draft = openDraft(this.graph, this.#loaded(sets), this.nowMs);
      try {
        const reply = transition(draft, input, LOOKUPS);
        this.#keep(draft);
        return { reply, draft };
      } catch (error) {
        if (!(error instanceof MissingRows) || error.children.length === 0) throw error;
        sets.push(...error.children);
      }
    }
    throw new Error("a simulated transition asks for rows without end");
  }

  #loaded(sets: readonly ChildSet[]) {
    const { run, rows, input } = this;
    const children = { rows: sets.flatMap((set) => this.#childrenIn(set)), sets };
    return { run, steps: rows, input, children };
  }

  /** As the store loads them: no more than the set's limit. */
  #childrenIn(set: ChildSet): ChildRun[] {
    if (set.kind === "one" || set.kind === "next") {
      const found: ChildRun[] = [];
      const end = set.kind === "one" ? set.child + 1 : set.child + set.limit;
      for (let child = set.child; child < end; child += 1) {
        const row = this.#children.get(keyOf({ ...set, child }));
        if (row === undefined) break;
        found.push(row);
      }
      return found;
    }
    const found = [...this.#children.values()].filter((row) => isInSet(row, set));
    found.sort(comparePlaces);
    return set.kind === "compensable" ? found.reverse().slice(0, set.limit) : found;
  }

  #keep(draft: Draft): void {
    this.run = draft.run;
    this.units += draft.budget.spent;
    for (const row of [...draft.rows.inserted, ...draft.rows.updated])
      this.rows.set(row.index, row);
    for (const row of [...draft.children.inserted, ...draft.children.updated]) {
      this.#children.set(keyOf(row), row);
    }
  }
}

function keyOf({ step, attempt, child }: Pick<ChildRun, "step" | "attempt" | "child">): string {
  return `${step}/${attempt}/${child}`;
}
