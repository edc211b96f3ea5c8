/**
 * The way of one replica to everything outside of it: how long it takes, what is lost on it, and its end in a crash.
 * Boundary: knows no database, bus or owner. What is on its way when the replica crashes never arrives.
 */

import { DatabaseAway } from "../../../src/store/pg-errors.ts";
import type { RandomNumbers } from "../random/random-numbers.ts";
import type { EndOfStatement, Network } from "./model/model-database.ts";
import type { VirtualClock } from "./virtual-clock.ts";
import type { Witness } from "./witness.ts";

/** What goes wrong, in a thousand. */
export interface Troubles {
  readonly statements: number;
  readonly commits: number;
  readonly owners: number;
  /** Calls of callers, and their answers. */
  readonly callers: number;
  readonly messages: number;
  /** Events of owners that never come. */
  readonly lost: number;
  readonly slow: number;
}

/** Nothing goes wrong. */
export const NO_TROUBLES: Troubles = {
  ...{ statements: 0, commits: 0, owners: 0, callers: 0, messages: 0, lost: 0, slow: 0 },
};

/** What a link works with; troubles end when the world calms down. */
export interface LinkWorld {
  readonly clock: VirtualClock;
  readonly random: RandomNumbers;
  readonly witness: Witness;
  troubles: Troubles;
  /** A place where a replica may be made to crash. */
  reach(place: string, replica: string): void;
  /** A rule is broken. */
  broken(rule: string): void;
}

interface ReadVersion {
  readonly id?: string | null;
  readonly runId?: string;
  readonly rowVersion?: string;
}

interface ReadKey {
  readonly appliedTo?: string | null;
  readonly answer?: Uint8Array | null;
}

const SLOW_MS = 400;
const LATE_COMMIT_MS = 800;

/** See the file's head. */
export class Link implements Network {
  readonly replica: string;
  readonly #world: LinkWorld;
  readonly #versions = new Map<string, string>();
  isAlive = true;
  /** Whether it has ever stood still. */
  hasFrozen = false;
  #frozenUntilMs = 0;

  constructor(world: LinkWorld, replica: string) {
    this.#world = world;
    this.replica = replica;
  }

  /** Nothing comes or goes until then. */
  freezeUntil(atMs: number): void {
    this.hasFrozen = true;
    this.#frozenUntilMs = atMs;
  }
  cut(): void {
    this.isAlive = false;
  }

  /** In so many of a thousand cases. */
  unlucky(trouble: keyof Troubles): boolean {
    const { troubles, random } = this.#world;
    return troubles[trouble] > 0 && random.below(1000) < troubles[trouble];
  }

  /** Takes its time; never resolves once the replica is gone. */
  async pass(): Promise<void> {
    const { clock, random } = this.#world;
    const slowMs = this.unlucky("slow") ? random.below(SLOW_MS) : 0;
    await clock.sleep(0.1 + random.below(900) / 1000 + slowMs);
    while (this.isAlive && this.#frozenUntilMs > clock.nowMs) {
      await clock.sleep(this.#frozenUntilMs - clock.nowMs);
    }
    if (!this.isAlive) await new Promise(() => {});
  }

  async there(what: string): Promise<void> {
    if (what === "move_schedules") this.#world.reach("before a schedule moves on", this.replica);
    await this.pass();
    if (this.unlucky("statements")) throw new DatabaseAway(`${what} is lost`);
  }
  async commit(): Promise<number> {
    const { random, witness } = this.#world;
    this.#world.reach("before commit", this.replica);
    await this.pass();
    if (!this.unlucky("commits")) return 0;
    witness.count("late commit");
    return 1 + random.below(LATE_COMMIT_MS);
  }
  ended(what: string, how: EndOfStatement): void {
    if (what.startsWith("save_batch_")) this.#world.witness.count(`one statement ${how}`);
    if (how === "met a key that is taken") this.#world.broken(`${what} ${how}`);
  }
  async back(what: string, rows: readonly object[]): Promise<void> {
    const { witness } = this.#world;
    witness.note(this.replica, what, rows.length);
    if (what === "commit") this.#world.reach("after commit", this.replica);
    this.#watchSchedules(what, rows.length);
    this.#watchKeys(what, rows);
    this.#watchFound(what, rows);
    await this.pass();
    if ((what === "commit" || what === "refusal") && this.unlucky("commits")) {
      witness.count(`lost ${what} reply`);
      throw new DatabaseAway("the reply of the commit is lost");
    }
    if (what === "expire_calls" && rows.length > 0) witness.count("lost lease");
    this.#watchFence(what, rows);
  }

  /** What came of a statement whose answer was lost. */
  #watchFound(what: string, [row]: readonly { readonly moves?: number }[]): void {
    if (what !== "find_unanswered_save" || row === undefined) return;
    const isFound = (row.moves ?? 0) > 0;
    this.#world.witness.count(`one statement found ${isFound ? "committed" : "not committed"}`);
  }

  #watchSchedules(what: string, rows: number): void {
    const { witness } = this.#world;
    if (what === "find_due_schedules" && rows > 0) {
      this.#world.reach("after slots were found", this.replica);
    }
    if (what !== "move_schedules") return;
    this.#world.reach("before a schedule's move is committed", this.replica);
    if (rows === 0) witness.count("schedule moved on by another replica");
  }

  #watchKeys(what: string, [row]: readonly ReadKey[]): void {
    if (row === undefined) return;
    const { witness } = this.#world;
    if (what === "insert_caller_keys") {
      this.#world.reach("after a key was claimed", this.replica);
    } else if (what === "take_over_caller_key") {
      witness.count(row.appliedTo === null ? "key taken over" : "call read again");
    } else if (what === "find_caller_key") {
      witness.count(row.answer === null ? "call still running" : "answer given again");
    }
  }

  /** A run that another replica moved between this one's read and its lock is not saved. */
  #watchFence(what: string, rows: readonly ReadVersion[]): void {
    if (what !== "read_runs" && what !== "lock_runs") return;
    for (const { id, runId = id, rowVersion } of rows) {
      if (!runId || rowVersion === undefined) continue;
      if (what === "read_runs") this.#versions.set(runId, rowVersion);
      else if (this.#versions.get(runId) !== rowVersion) this.#world.witness.count("fenced write");
    }
  }
}
