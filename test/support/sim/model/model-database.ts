/**
 * A model of Postgres for the store's statements, in memory: the real functions of src/store/ run above it unchanged.
 * Boundary: statements by name; one that the model does not know throws, and so does what the builder does not prepare. How
 * long things take, and what goes wrong, is the network's (see Network): this file knows only the database.
 */
import pg from "pg";
import type { Database, Queries, Statement } from "../../../../src/store/database.ts";
import {
  AnswerLost,
  DatabaseAway,
  isAway,
  isUnknownSetting,
} from "../../../../src/store/pg-errors.ts";
import { answerStatements } from "./answer-statements.ts";
import { callStatements } from "./call-statements.ts";
import { countStatements } from "./count-statements.ts";
import { dueStatements } from "./due-statements.ts";
import { eventStatements } from "./event-statements.ts";
import { keyStatements } from "./key-statements.ts";
import { outboxStatements } from "./outbox-statements.ts";
import { makeTables, type Tables } from "./rows.ts";
import { runStatements } from "./run-statements.ts";
import { isOfStep, isTaken, saveStatements } from "./save-statement.ts";
import { scheduleStatements } from "./schedule-statements.ts";
import type { ModelStatements } from "./statement.ts";
import { ModelTransaction, type Shared } from "./tables.ts";
import { taskStatements } from "./task-statements.ts";

/** The way between a client and the database. */
export interface Network {
  /** Takes what is sent there; rejects, or never resolves, when it is lost. */
  there(what: string): Promise<void>;
  /** As `there`, of a commit: the client may lose its connection so many ms before the server commits; 0: it does not. */
  commit(): Promise<number>;
  /** What a statement that is its own transaction came to at the server, or on its way there. */
  ended(what: string, how: EndOfStatement): void;
  /** Takes the answer back. */
  back(what: string, rows: readonly object[]): Promise<void>;
}

/** "late": its client lost the connection before the server read it. */
export type EndOfStatement =
  | "saved"
  | "late"
  | "saved though late"
  | "refused though late"
  | "refused for a run"
  | "refused for a step"
  | "met a key that is taken";

type Query = Queries["query"];

/** The server. */
export interface ModelServer {
  readonly tables: Tables;
  readonly shared: Shared;
  /** A client over a network; `endAll` breaks off what it has open, as the server does for a client that is gone. */
  connect(network: Network): { readonly database: Database; endAll(): void };
}

const STATEMENTS: ModelStatements = {
  ...runStatements,
  ...saveStatements,
  ...callStatements,
  ...outboxStatements,
  ...countStatements,
  ...eventStatements,
  ...dueStatements,
  ...scheduleStatements,
  ...keyStatements,
  ...answerStatements,
  ...taskStatements,
};

/** Makes an empty database by this clock. */
export function makeModelServer(clock: {
  readonly epochMs: number;
  sleep(delayMs: number): Promise<void>;
}): ModelServer {
  const tables = makeTables();
  const shared: Shared = {
    ...{ tables, locks: new Map(), ended: new Map() },
    ...{ lastTransaction: 700, lastBatch: 0, lastEvent: 0, late: 0 },
    nowMs: () => Math.floor(clock.epochMs),
    sleep: (delayMs) => clock.sleep(delayMs),
    fail(state, message) {
      const error = new pg.DatabaseError(message, message.length, "error");
      error.code = state;
      return error;
    },
  };
  return { tables, shared, connect: (network) => connect(shared, network) };
}

function connect(shared: Shared, network: Network) {
  const open = new Set<ModelTransaction>();

  const queryAlone: Query = async (statement, values) => {
    await network.there(statement.name);
    const rows = await arrived(statement, values);
    await network.back(statement.name, rows);
    return rows as never;
  };
  const single: Queries = { build: builderOver(queryAlone), query: queryAlone };

  /** A statement of its own, from the moment it comes to the server. */
  async function arrived(statement: Statement, values: readonly unknown[]) {
    const tx = new ModelTransaction(shared);
    open.add(tx);
    try {
      const rows = await execute(tx, statement.name, values);
      tx.commit();
      return rows;
    } finally {
      end(tx, "abort");
    }
  }

  /** A statement that the server reads only when its client has lost the connection. */
  function arriveLate(statement: Statement, values: readonly unknown[], lateMs: number): void {
    const { name } = statement;
    network.ended(name, "late");
    shared.late += 1;
    void shared
      .sleep(lateMs)
      .then(() => arrived(statement, values))
      .then(
        () => network.ended(name, "saved though late"),
        () => network.ended(name, "refused though late"),
      )
      .then(() => {
        shared.late -= 1;
      });
  }

  const alone: Database["alone"] = {
    async query<Row>(statement: Statement, values: readonly unknown[]) {
      const { name } = statement;
      try {
        await network.there(name);
        const lateMs = await network.commit();
        if (lateMs > 0) {
          arriveLate(statement, values, lateMs);
          throw new DatabaseAway("the connection is lost");
        }
        try {
          const rows = await arrived(statement, values);
          network.ended(name, "saved");
          await network.back(name, rows);
          await network.back("commit", []);
          return rows as Row[];
        } catch (error) {
          if (isTaken(error)) network.ended(name, "met a key that is taken");
          if (!isUnknownSetting(error)) throw error;
          network.ended(name, isOfStep(error) ? "refused for a step" : "refused for a run");
          await network.back("refusal", []);
          throw error;
        }
      } catch (error) {
        if (!isAway(error)) throw error;
        throw new AnswerLost("a commit was not answered", { cause: error });
      }
    },
  };

  const within = (tx: ModelTransaction): Queries => ({
    build: undefined as never,
    async query<Row>(statement: Statement, values: readonly unknown[]) {
      await network.there(statement.name);
      const rows = await execute(tx, statement.name, values);
      await network.back(statement.name, rows);
      return rows as Row[];
    },
  });

  async function transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    await network.there("begin");
    const tx = new ModelTransaction(shared);
    open.add(tx);
    let lateMs = 0;
    try {
      const result = await work(within(tx));
      lateMs = await network.commit();
      if (!tx.isOpen || lateMs > 0) throw new DatabaseAway("the connection is lost");
      tx.commit();
      await network.back("commit", []);
      return result;
    } finally {
      if (lateMs > 0) void shared.sleep(lateMs).then(() => end(tx, "commit"));
      else end(tx, "abort");
    }
  }

  function end(tx: ModelTransaction, how: "commit" | "abort"): void {
    tx[how]();
    open.delete(tx);
  }

  const database: Database = {
    ...{ read: single, callers: single, lists: single, write: single },
    ...{ alone, transaction },
    close: () => Promise.resolve(),
  };
  return {
    database,
    endAll() {
      for (const tx of open) tx.abort();
    },
  };
}

async function execute(tx: ModelTransaction, name: string, values: readonly unknown[]) {
  const statement = STATEMENTS[name];
  if (statement === undefined) throw new TypeError(`the model has no statement ${name}`);
  if (!tx.isOpen) throw new DatabaseAway("the transaction was broken off");
  const at = { tx, tables: tx.shared.tables, now: new Date(tx.shared.nowMs()) };
  return statement(at, values as never);
}

/** The builder for statements that it prepares: as any other, they are known by their name. */
function builderOver(query: Query): Queries["build"] {
  const prepare = (name: string) => ({
    execute: (values: object) => query({ name, text: "" }, [values]),
  });
  const building: object = new Proxy(Object.create(null), {
    get(_, method) {
      // A promise's: a statement that is not prepared has no name.
      if (method === "then") throw new TypeError("the model knows no statement without a name");
      return method === "prepare" ? prepare : () => building;
    },
  });
  return building as Queries["build"];
}
