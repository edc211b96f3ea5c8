/**
 * The marks of a run's steps and edges: a byte each, in the run's own row.
 * Boundary: a step's state is changed by Draft.moveStep alone, with its place in the history.
 */
import { HAS_ROW, markWithState, type Run, type StepState, stateOfMark } from "../values/run.ts";

/** See the file's head. `onChange` is called when a mark changes. */
export class Marks {
  readonly #run: Run;
  readonly #onChange: () => void;

  constructor(run: Run, onChange: () => void) {
    this.#run = run;
    this.#onChange = onChange;
  }

  /** The mark of a step: state and flags. Throws for an index outside the version. */
  of(index: number): number {
    const mark = this.#run.stepMarks[index];
    if (mark === undefined) throw new Error(`run ${this.#run.id} has no step ${index}`);
    return mark;
  }
  state(index: number): StepState {
    return stateOfMark(this.of(index));
  }
  setState(index: number, state: StepState): void {
    this.#run.stepMarks[index] = markWithState(this.of(index), state);
    this.#onChange();
  }
  /** Whether a step has begun. */
  hasRow(index: number): boolean {
    return (this.of(index) & HAS_ROW) !== 0;
  }
  addFlag(index: number, flag: number): void {
    const mark = this.of(index);
    if ((mark & flag) === flag) return;
    this.#run.stepMarks[index] = mark | flag;
    this.#onChange();
  }
  clearFlag(index: number, flag: number): void {
    this.#run.stepMarks[index] = this.of(index) & ~flag;
    this.#onChange();
  }
  /** Indexes of the steps that are RUNNING or WAITING. */
  openSteps(): number[] {
    const open: number[] = [];
    for (const [index, mark] of this.#run.stepMarks.entries()) {
      const state = stateOfMark(mark);
      if (state === "RUNNING" || state === "WAITING") open.push(index);
    }
    return open;
  }
  /** Decides an edge, once. */
  decideEdge(index: number, mark: number): void {
    this.#run.edgeMarks[index] = mark;
    this.#onChange();
  }
}
