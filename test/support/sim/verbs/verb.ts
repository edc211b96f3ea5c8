/** A verb of the store, to be done alike on two databases. */
import type { Database } from "../../../../src/store/database.ts";

/** One of the two databases, and what was read of it. */
export interface Side {
  readonly database: Database;
  readonly runVersions: Map<string, string>;
  readonly stepVersions: Map<string, string>;
}

/** Something to do; never waits for a lock unless it `mayWait`. */
export interface Verb {
  readonly name: string;
  readonly mayWait?: true;
  run(side: Side): Promise<unknown>;
}
