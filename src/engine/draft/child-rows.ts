/**
 * The children of a run's steps while inputs are folded into it. Part of the draft.
 * Boundary: throws MissingRows for rows that were not loaded. A loaded set is complete.
 */
import {
  type ChildPlace,
  type ChildRun,
  type ChildSet,
  comparePlaces,
  isInSet,
} from "../values/child-run.ts";
import { MissingRows } from "./missing-rows.ts";

type CompensableSet = Extract<ChildSet, { kind: "compensable" }>;

const BEFORE_ALL: ChildPlace = { attempt: -1, child: -1 };

/** Loaded rows of children (sets may overlap), and the sets that are loaded completely. */
export interface LoadedChildren {
  readonly rows: readonly ChildRun[];
  readonly sets: readonly ChildSet[];
}

/** The working copy; rows are replaced, never changed. */
export class ChildRows {
  readonly #sets: readonly ChildSet[];
  /** The rows as stored. */
  readonly #loaded: readonly ChildRun[];
  readonly #lowest = new Map<CompensableSet, ChildRun | undefined>();
  readonly #rows = new Map<string, ChildRun>();
  readonly #inserted = new Set<string>();
  readonly #updated = new Set<string>();

  constructor({ rows, sets }: LoadedChildren = { rows: [], sets: [] }) {
    this.#sets = sets;
    for (const row of rows) this.#rows.set(keyOf(row), row);
    this.#loaded = [...this.#rows.values()];
  }

  get inserted(): ChildRun[] {
    return this.#listed(this.#inserted);
  }
  get updated(): ChildRun[] {
    return this.#listed(this.#updated);
  }

  /** Adds the row of a child that has no row yet. */
  insert(row: ChildRun): void {
    this.#rows.set(keyOf(row), row);
    this.#inserted.add(keyOf(row));
  }
  /** Replaces the row of a child. */
  put(row: ChildRun): void {
    const key = keyOf(row);
    this.#rows.set(key, row);
    if (!this.#inserted.has(key)) this.#updated.add(key);
  }
  /** The row of a child; undefined when there is none. */
  find(step: number, { attempt, child }: ChildPlace): ChildRun | undefined {
    const row = this.#rows.get(keyOf({ step, attempt, child }));
    if (row === undefined) this.require([{ kind: "one", step, attempt, child }]);
    return row;
  }
  /** Whether the row of a child is loaded. */
  has(step: number, { attempt, child }: ChildPlace): boolean {
    return this.#rows.has(keyOf({ step, attempt, child }));
  }
  /** Requires all of these sets at once. */
  require(sets: readonly ChildSet[]): void {
    const missing = sets.flatMap((set) => this.#missingOf(set));
    if (missing.length > 0) throw new MissingRows([], { children: missing });
  }
  /** The rows of a set, ordered by place; `compensable` rows last first. */
  list(set: ChildSet): ChildRun[] {
    this.require([set]);
    const rows = [...this.#rows.values()].filter((row) => isInSet(row, set)).sort(comparePlaces);
    return set.kind === "compensable" ? rows.reverse() : rows;
  }

  #missingOf(set: ChildSet): ChildSet[] {
    if (set.kind === "compensable") return this.#missingCompensable(set);
    return this.#knows(set) ? [] : [set];
  }
  /** A loaded row may no longer be compensable: its child may have compensated itself since. Then more rows are needed. */
  #missingCompensable(set: CompensableSet): CompensableSet[] {
    const end = this.#endOfKnown(set);
    if (end === undefined) return [];
    const isAbove = (row: ChildRun) => isInSet(row, set) && comparePlaces(row, end) >= 0;
    const known = [...this.#rows.values()].filter(isAbove).length;
    if (known >= set.least) return [];
    const limit = set.limit + this.#updated.size;
    return [{ ...set, attempt: end.attempt, child: end.child, limit }];
  }
  /** The place down to which all compensable rows of the set are known; undefined when they all are. */
  #endOfKnown(set: CompensableSet): ChildPlace | undefined {
    let end: ChildPlace = set;
    for (;;) {
      const next = this.#sets.find(
        (loaded): loaded is CompensableSet =>
          loaded.kind === "compensable" &&
          loaded.step === set.step &&
          comparePlaces(loaded, end) >= 0 &&
          comparePlaces(this.#lowestOf(loaded) ?? BEFORE_ALL, end) < 0,
      );
      if (next === undefined) return end;
      const lowest = this.#lowestOf(next);
      if (lowest === undefined) return undefined;
      end = lowest;
    }
  }
  /** The last row that the set's limit let through; undefined when there were fewer. */
  #lowestOf(set: CompensableSet): ChildRun | undefined {
    if (!this.#lowest.has(set)) {
      const rows = this.#loaded.filter((row) => isInSet(row, set)).sort(comparePlaces);
      this.#lowest.set(set, rows.at(-set.limit));
    }
    return this.#lowest.get(set);
  }

  #listed(keys: ReadonlySet<string>): ChildRun[] {
    return [...keys].flatMap((key) => this.#rows.get(key) ?? []);
  }
  #knows(set: ChildSet): boolean {
    return this.#sets.some((loaded) => {
      if (loaded.kind !== set.kind || loaded.step !== set.step) return false;
      if (loaded.kind === "open" || set.kind === "open") return true;
      if (loaded.kind === "attempt" && set.kind === "attempt")
        return loaded.attempt === set.attempt;
      const isPlace = loaded.kind === "one" || loaded.kind === "next";
      const wantsPlace = set.kind === "one" || set.kind === "next";
      return isPlace && wantsPlace && comparePlaces(loaded, set) === 0;
    });
  }
}

function keyOf({ step, attempt, child }: Pick<ChildRun, "step" | "attempt" | "child">): string {
  return `${step}/${attempt}/${child}`;
}
