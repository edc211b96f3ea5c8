/**
 * Counts what a connection to Postgres does by its messages: statements, round trips, transactions.
 * Boundary: pure; it sees the bytes of both directions and changes none of them. No encryption.
 * Invariant: the login does not count. Everything after the first ReadyForQuery does.
 */
import { median } from "../report/statistics.ts";

/** What connections did. */
export interface WireCounts {
  readonly statements: number;
  readonly roundTrips: number;
  /** Transactions that ended, those of single statements and of reads included, as Postgres counts them. */
  readonly commits: number;
  /** Transactions of several round trips: those that begin and commit by statements of their own. */
  readonly transactions: number;
  /** Rows that Postgres answered with. */
  readonly rowsRead: number;
}

/** One connection. */
export interface ConnectionCounter {
  /** Bytes from the client. */
  sent(bytes: Buffer): void;
  /** Bytes from the server. */
  received(bytes: Buffer): void;
}

const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;
/** The codes by which a client asks for encryption, before it logs in; the server answers with one byte. */
const ENCRYPTION_REQUESTS = new Set([80_877_103, 80_877_104]);
const EXECUTE = "E".charCodeAt(0);
const QUERY = "Q".charCodeAt(0);
const DATA_ROW = "D".charCodeAt(0);
const READY = "Z".charCodeAt(0);
const IDLE = "I".charCodeAt(0);

/** No counts. */
export const NO_COUNTS: WireCounts = {
  ...{ statements: 0, roundTrips: 0, commits: 0 },
  ...{ transactions: 0, rowsRead: 0 },
};

/** Both together. */
export function addCounts(one: WireCounts, other: WireCounts): WireCounts {
  return mapCounts(one, (value, name) => value + other[name]);
}

/** What the counts grew by. */
export function growthOfCounts(before: WireCounts, after: WireCounts): WireCounts {
  return mapCounts(after, (value, name) => value - before[name]);
}

/** The counts for each of so many. */
export function countsEach(counts: WireCounts, times: number): WireCounts {
  return mapCounts(counts, (value) => value / times);
}

/** The median of each count. Throws without counts. */
export function medianCounts(counts: readonly WireCounts[]): WireCounts {
  return mapCounts(NO_COUNTS, (_, name) => median(counts.map((each) => each[name])));
}

function mapCounts(
  { statements, roundTrips, commits, transactions, rowsRead }: WireCounts,
  map: (value: number, name: keyof WireCounts) => number,
): WireCounts {
  return {
    statements: map(statements, "statements"),
    roundTrips: map(roundTrips, "roundTrips"),
    commits: map(commits, "commits"),
    transactions: map(transactions, "transactions"),
    rowsRead: map(rowsRead, "rowsRead"),
  };
}

/** Counts a new connection; `count` gets what is to be added. */
export function createConnectionCounter(count: (more: WireCounts) => void): ConnectionCounter {
  let isLoggedIn = false;
  let isInTransaction = false;
  let hasStarted = false;
  let plainAnswers = 0;
  const fromClient = createFrames();
  const fromServer = createFrames();
  return {
    sent(bytes) {
      fromClient.add(bytes);
      while (!hasStarted) {
        const frame = fromClient.take(0);
        if (frame === undefined) return;
        const code = frame.length >= 2 * LENGTH_BYTES ? frame.readUInt32BE(LENGTH_BYTES) : 0;
        if (ENCRYPTION_REQUESTS.has(code)) plainAnswers += 1;
        else hasStarted = true;
      }
      for (let frame = fromClient.take(1); frame !== undefined; frame = fromClient.take(1)) {
        const isStatement = frame[0] === EXECUTE || frame[0] === QUERY;
        if (isStatement && isLoggedIn) count({ ...NO_COUNTS, statements: 1 });
      }
    },
    received(bytes) {
      const plain = Math.min(plainAnswers, bytes.length);
      plainAnswers -= plain;
      fromServer.add(bytes.subarray(plain));
      for (let frame = fromServer.take(1); frame !== undefined; frame = fromServer.take(1)) {
        if (frame[0] === DATA_ROW && isLoggedIn) count({ ...NO_COUNTS, rowsRead: 1 });
        if (frame[0] !== READY) continue;
        const isIdle = frame[HEADER_BYTES] === IDLE;
        const commits = isIdle ? 1 : 0;
        const transactions = isIdle && isInTransaction ? 1 : 0;
        if (isLoggedIn) count({ ...NO_COUNTS, roundTrips: 1, commits, transactions });
        isLoggedIn = true;
        isInTransaction = !isIdle;
      }
    },
  };
}

/** Cuts a stream into messages: a length of four bytes that counts itself, after `typeBytes` for the type. */
function createFrames(): { add(bytes: Buffer): void; take(typeBytes: 0 | 1): Buffer | undefined } {
  let held: Buffer = Buffer.alloc(0);
  return {
    add(bytes) {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    },
    take(typeBytes) {
      if (held.length < typeBytes + LENGTH_BYTES) return undefined;
      const length = typeBytes + held.readUInt32BE(typeBytes);
      if (held.length < length) return undefined;
      const frame = held.subarray(0, length);
      held = held.subarray(length);
      return frame;
    },
  };
}
