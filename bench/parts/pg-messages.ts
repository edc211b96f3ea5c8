/**
 * Counts what a connection to Postgres does by its messages: statements, round trips, transactions.
 * Boundary: pure; it sees the bytes of both directions and changes none of them. No encryption.
 * Invariant: the login does not count. Everything after the first ReadyForQuery does.
 */

/** What connections did; `commits` are transactions that ended, those of single statements and of reads included. */
export interface WireCounts {
  readonly statements: number;
  readonly roundTrips: number;
  readonly commits: number;
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
const READY = "Z".charCodeAt(0);
const IDLE = "I".charCodeAt(0);

/** No counts. */
export const NO_COUNTS: WireCounts = { statements: 0, roundTrips: 0, commits: 0 };

/** What the counts grew by. */
export function growthOfCounts(before: WireCounts, after: WireCounts): WireCounts {
  return {
    statements: after.statements - before.statements,
    roundTrips: after.roundTrips - before.roundTrips,
    commits: after.commits - before.commits,
  };
}

/** The counts for each of so many. */
export function countsEach(counts: WireCounts, times: number): WireCounts {
  return {
    statements: counts.statements / times,
    roundTrips: counts.roundTrips / times,
    commits: counts.commits / times,
  };
}

/** Counts a new connection; `count` gets what is to be added. */
export function createConnectionCounter(count: (more: WireCounts) => void): ConnectionCounter {
  let isLoggedIn = false;
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
        if (frame[0] !== READY) continue;
        const ended = frame[HEADER_BYTES] === IDLE ? 1 : 0;
        if (isLoggedIn) count({ ...NO_COUNTS, roundTrips: 1, commits: ended });
        isLoggedIn = true;
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
