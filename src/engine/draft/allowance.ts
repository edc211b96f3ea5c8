/** What the transitions of one fold may spend, and did (values/budget.ts). */

/** See the file's head. */
export class Allowance {
  readonly #each: number;
  #left: number;
  #spent = 0;

  /** `each`: units of one transition. */
  constructor(each: number) {
    this.#each = each;
    this.#left = each;
  }

  /** A transition begins. */
  renew(): void {
    this.#left = this.#each;
  }
  /** Takes units from the transition's. */
  spend(units: number): void {
    this.#left -= units;
    this.#spent += units;
  }
  /** Whether the transition has done enough: the rest is left to the next one. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }
  /** Units that all transitions of the fold took. */
  get spent(): number {
    return this.#spent;
  }
}
