/** How many watch, in all and of each workspace. Boundary: memory. */
import { Refusal } from "../process/refusal.ts";

/** See the file's head. */
export class WatcherPlaces {
  readonly #ofWorkspaces = new Map<string, number>();
  readonly #atMost: { readonly workspace: number; readonly all: number };
  readonly #what: string;
  #all = 0;

  /** `what` is what is watched, for the sentence of a refusal. */
  constructor(what: string, atMost: { readonly workspace: number; readonly all: number }) {
    this.#what = what;
    this.#atMost = atMost;
  }

  /** Refuses overloaded where there is none left. */
  take(workspaceId: string): void {
    const taken = this.#ofWorkspaces.get(workspaceId) ?? 0;
    if (taken >= this.#atMost.workspace || this.#all >= this.#atMost.all) {
      throw new Refusal("overloaded", `too many ${this.#what} are watched; try again later`);
    }
    this.#ofWorkspaces.set(workspaceId, taken + 1);
    this.#all += 1;
  }

  giveBack(workspaceId: string): void {
    const left = (this.#ofWorkspaces.get(workspaceId) ?? 1) - 1;
    if (left > 0) this.#ofWorkspaces.set(workspaceId, left);
    else this.#ofWorkspaces.delete(workspaceId);
    this.#all -= 1;
  }
}
