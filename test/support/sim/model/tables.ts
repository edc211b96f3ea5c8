/**
 * Tables in memory with transactions, as far as the store's statements need them: READ COMMITTED, locks of rows that are
 * held to the end, `for update skip locked`, unique keys.
 * Boundary: rows are the schema's rows by their property names, each with the transaction that wrote it (`xmin`).
 * Invariant: a row is never changed in place, so whatever was read stays as it was.
 */
import type { Tables } from "./rows.ts";

/** A version of a row. */
export type Stored<Row> = Row & { readonly xmin: string };

/** A table of rows by a key of texts. */
export class Table<Row extends object> {
  readonly name: string;
  readonly committed = new Map<string, Stored<Row>>();
  constructor(name: string) {
    this.name = name;
  }
}

/** Why a statement failed, as Postgres names it. */
type SqlState = "23505" | "42704" | "55P03" | "57P01";

/** What the transactions of one database share. */
export interface Shared {
  readonly tables: Tables;
  /** Who holds a lock, and who waits for it. */
  readonly locks: Map<string, { holder: ModelTransaction; waiting: (() => void)[] }>;
  readonly ended: Map<string, "committed" | "aborted">;
  lastTransaction: number;
  lastBatch: number;
  lastEvent: number;
  /** Statements on their way whose client has lost its connection. */
  late: number;
  nowMs(): number;
  sleep(delayMs: number): Promise<void>;
  fail(state: SqlState, message: string): Error;
}

const LOCK_TIMEOUT_MS = 3_000;

/** One transaction; a statement outside of one has its own. */
export class ModelTransaction {
  readonly id: string;
  /** `now()`. */
  readonly beganAtMs: number;
  readonly shared: Shared;
  readonly #writes = new Map<Table<object>, Map<string, Stored<object> | undefined>>();
  readonly #held = new Set<string>();
  isOpen = true;

  constructor(shared: Shared) {
    shared.lastTransaction += 1;
    this.id = String(shared.lastTransaction);
    this.beganAtMs = shared.nowMs();
    this.shared = shared;
  }

  get<Row extends object>(table: Table<Row>, key: string): Stored<Row> | undefined {
    const own = this.#writes.get(table);
    if (own?.has(key)) return own.get(key) as Stored<Row> | undefined;
    return table.committed.get(key);
  }
  *rows<Row extends object>(table: Table<Row>): Generator<Stored<Row>> {
    const own = this.#writes.get(table);
    for (const [key, row] of table.committed) if (!own?.has(key)) yield row;
    for (const row of own?.values() ?? []) if (row !== undefined) yield row as Stored<Row>;
  }
  put<Row extends object>(table: Table<Row>, key: string, row: Row): void {
    this.#own(table).set(key, { ...row, xmin: this.id });
  }
  remove<Row extends object>(table: Table<Row>, key: string): void {
    this.#own(table).set(key, undefined);
  }

  /** Waits for who inserts the same key; gives false when there is such a row then. */
  async insert<Row extends object>(table: Table<Row>, key: string, row: Row): Promise<boolean> {
    await this.lock(table, key);
    if (this.get(table, key) !== undefined) return false;
    this.put(table, key, row);
    return true;
  }

  /** Takes a lock that nobody else has. */
  tryLock(of: { readonly name: string }, key: string): boolean {
    const name = `${of.name} ${key}`;
    const lock = this.shared.locks.get(name);
    if (lock !== undefined) return lock.holder === this;
    this.shared.locks.set(name, { holder: this, waiting: [] });
    this.#held.add(name);
    return true;
  }
  /** Waits for a lock, 3 s at most. */
  async lock(of: { readonly name: string }, key: string): Promise<void> {
    const until = this.shared.nowMs() + LOCK_TIMEOUT_MS;
    while (!this.tryLock(of, key)) {
      const lock = this.shared.locks.get(`${of.name} ${key}`);
      const free = new Promise<void>((resolve) => lock?.waiting.push(resolve));
      await Promise.race([free, this.shared.sleep(until - this.shared.nowMs())]);
      if (!this.isOpen) throw this.shared.fail("57P01", "the connection is closed");
      if (this.shared.nowMs() >= until) throw this.shared.fail("55P03", "lock timeout");
    }
  }

  commit(): void {
    if (!this.isOpen) return;
    for (const [table, rows] of this.#writes) {
      for (const [key, row] of rows) {
        if (row === undefined) table.committed.delete(key);
        else table.committed.set(key, row);
      }
    }
    this.#end("committed");
  }
  abort(): void {
    if (this.isOpen) this.#end("aborted");
  }

  #end(how: "committed" | "aborted"): void {
    this.isOpen = false;
    this.shared.ended.set(this.id, how);
    for (const name of this.#held) {
      const lock = this.shared.locks.get(name);
      this.shared.locks.delete(name);
      for (const wake of lock?.waiting ?? []) wake();
    }
  }
  #own(table: Table<object>): Map<string, Stored<object> | undefined> {
    const own = this.#writes.get(table) ?? new Map<string, Stored<object> | undefined>();
    this.#writes.set(table, own);
    return own;
  }
}
