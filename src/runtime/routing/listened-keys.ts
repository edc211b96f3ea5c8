/**
 * The keys that anything in the catalogue listens to, of every workspace, so that an event which nothing wants costs no look-up.
 *
 * Boundary: in memory, and bounded. It only says that no trigger, or no wait pattern, has a key. What has one is looked up in the
 * database, so nothing is ever matched by what is remembered.
 * Invariants:
 * L1 What is remembered counts for one edition of the catalogue (store/catalogue.ts). A batch reads the edition for itself, or the
 *    commit that it leads to reads it; when it is another one, the batch asks the database about all its events. So a version counts from its commit on, at every replica.
 * L2 It holds more than what listens now: keys of triggers that listen from a later moment on, and patterns of every version. So
 *    between two editions neither time nor a run makes a key listen.
 * L3 A pattern with `{{ }}` is widened: the key of the wait itself may be another one, but the event that ends it has the pattern's
 *    key too. So waits are asked for by events, not by keys.
 * L4 Whether anything listens to a type is remembered: most events are of a type that nothing listens to, and their keys are not made.
 * L5 No batch waits for the keys to be read. Reading takes at most a twentieth of the time, however often versions are published.
 */
import { beginningOfKey, EVENT_TRIGGER, keyBeginningsOf } from "../../engine/matching/keys.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import type { Log } from "../../process/log.ts";
import { beginTurn } from "../../process/shared-turn.ts";
import { type ListenedKey, listListenedKeys } from "../../store/catalogue.ts";
import type { Queries } from "../../store/database.ts";
import type { KeyProbe } from "../../store/event-readers.ts";

/** The keys of one edition. */
export interface KeysOfEdition {
  /** Whether a trigger or a wait pattern may have a key of the event, by its type; true where other keys than those by type count. */
  mayListen(event: BusEvent): boolean;
  /** Whether a trigger of a definition has the key. */
  isTriggers(probe: Omit<KeyProbe, "place">): boolean;
  /** Whether a wait pattern of a version has the key. */
  isPatterns(probe: Omit<KeyProbe, "place">): boolean;
}

interface Known {
  readonly edition: string | undefined;
  /** Unset: there are too many to remember. */
  readonly keys: KeysOfEdition | undefined;
}

/** The edition that a statement read which began at a moment. */
interface Seen {
  readonly edition: string;
  readonly moment: number;
}

interface ListenedKeysDeps {
  readonly database: { readonly read: Queries };
  readonly log: Log;
}

/** Some 20 MB. */
const KEYS_AT_MOST = 100_000;
const REST_TIMES = 20;
/** Types of events that answers are remembered for; a caller may send any number of them. */
const TYPES_AT_MOST = 10_000;
/** Others have the event loop in between. */
const KEYS_A_PIECE = 1_000;

/** See the file's head. */
export class ListenedKeys {
  readonly #deps: ListenedKeysDeps;
  readonly #keysAtMost: number;
  #known: Known | undefined;
  #reading: Promise<void> | undefined;
  #restUntilMs = 0;
  #moments = 0;
  #seen: Seen | undefined;

  /** `keysAtMost` are of each kind; with more of them all look-ups are made. */
  constructor(deps: ListenedKeysDeps, keysAtMost = KEYS_AT_MOST) {
    this.#deps = deps;
    this.#keysAtMost = keysAtMost;
  }

  /** The keys that were read last, of whatever edition; undefined: not known. */
  get latest(): KeysOfEdition | undefined {
    return this.#known?.keys;
  }

  /** The edition whose keys were read last; undefined: none was. */
  get edition(): string | undefined {
    return this.#known?.edition;
  }

  /** The keys of this edition; undefined: not known. Then they are read beside. */
  at(edition: string | undefined): KeysOfEdition | undefined {
    if (edition === undefined) return undefined;
    if (this.#known?.edition === edition) return this.#known.keys;
    if (performance.now() >= this.#restUntilMs) this.#reading ??= this.#read();
    return undefined;
  }

  /** The present moment; later ones are greater. */
  moment(): number {
    this.#moments += 1;
    return this.#moments;
  }

  /** Notes the edition that a statement has read which began at a moment. */
  note(edition: string, moment: number): void {
    if (moment > (this.#seen?.moment ?? 0)) this.#seen = { edition, moment };
  }

  /** Whether a statement that began after a moment has read the edition of these keys. */
  areCurrentSince(keys: KeysOfEdition, moment: number): boolean {
    if (this.#known?.keys !== keys || this.#seen === undefined) return false;
    return this.#seen.edition === this.#known.edition && this.#seen.moment > moment;
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { database, log } = this.#deps;
    const beganAtMs = performance.now();
    try {
      const { edition, keys } = await listListenedKeys(database.read, this.#keysAtMost);
      this.#known = { edition, keys: keys && (await setsOf(keys)) };
    } catch (error) {
      log.warn("the keys of triggers and waits could not be read; each event is looked up", {
        error,
      });
    }
    const endedAtMs = performance.now();
    this.#restUntilMs = endedAtMs + (REST_TIMES - 1) * (endedAtMs - beganAtMs);
    this.#reading = undefined;
  }
}

/** At the limit it takes some 200 ms. */
async function setsOf(keys: readonly ListenedKey[]): Promise<KeysOfEdition> {
  const sets = { trigger: new KeysOfWorkspaces(), wait: new KeysOfWorkspaces() };
  const types = new ListenedTypes();
  const share = beginTurn();
  for (const [place, { what, workspaceId, key }] of keys.entries()) {
    sets[what].add(workspaceId, key);
    if (what === "wait") types.add(workspaceId, key);
    else if (key.startsWith(EVENT_TRIGGER)) types.add(workspaceId, key.slice(EVENT_TRIGGER.length));
    if (place % KEYS_A_PIECE === 0) await share();
  }
  return {
    mayListen: ({ workspaceId, type, tap, cronLine }) =>
      tap !== undefined || cronLine !== undefined || types.has(workspaceId, type),
    isTriggers: ({ workspaceId, key }) => sets.trigger.has(workspaceId, key),
    isPatterns: ({ workspaceId, key }) => sets.wait.has(workspaceId, key),
  };
}

class KeysOfWorkspaces {
  readonly #keys = new Map<string, Set<string>>();

  add(workspaceId: string, key: string): void {
    const known = this.#keys.get(workspaceId);
    if (known === undefined) this.#keys.set(workspaceId, new Set([key]));
    else known.add(key);
  }

  has(workspaceId: string, key: string): boolean {
    return this.#keys.get(workspaceId)?.has(key) === true;
  }
}

/** What the keys of each workspace begin with, and which types of events have such a key. */
class ListenedTypes {
  readonly #beginnings = new KeysOfWorkspaces();
  readonly #known = new Map<string, Map<string, boolean>>();
  #knownTypes = 0;

  add(workspaceId: string, key: string): void {
    this.#beginnings.add(workspaceId, beginningOfKey(key));
  }

  has(workspaceId: string, type: string): boolean {
    const known = this.#known.get(workspaceId)?.get(type);
    if (known !== undefined) return known;
    const found = keyBeginningsOf(type).some((key) => this.#beginnings.has(workspaceId, key));
    this.#remember(workspaceId, type, found);
    return found;
  }

  #remember(workspaceId: string, type: string, found: boolean): void {
    if (this.#knownTypes >= TYPES_AT_MOST) {
      this.#known.clear();
      this.#knownTypes = 0;
    }
    const types = this.#known.get(workspaceId) ?? new Map<string, boolean>();
    this.#known.set(workspaceId, types.set(type, found));
    this.#knownTypes += 1;
  }
}
