/**
 * Ends HTTP/2 sessions whose connection has died without a word, which the system notices after many minutes only.
 * Boundary: pings a session and ends it; the session manager opens another one for the next request.
 *
 * The manager's own pings (pingIntervalMs of connect-node 2.1.2) stay off, for two faults. A request that comes while the
 * manager ends a session leaves that session's error without a listener, which ends the process. And where the last open
 * stream closes during a ping, the ping loses its time limit and all later requests wait for it.
 */
import type { ClientHttp2Stream, Http2Session } from "node:http2";

interface Watched {
  /** When anything last came over the session. */
  heardAtMs: number;
  isPinged: boolean;
}

/** Gives what each new stream is handed to: one that ends while its session was silent has the session pinged. */
export function createSilenceWatch(pingTimeoutMs: number): (stream: ClientHttp2Stream) => void {
  const sessions = new WeakMap<Http2Session, Watched>();
  return (stream) => {
    const { session } = stream;
    if (session === undefined) return;
    const openedAtMs = performance.now();
    const watched = sessions.get(session) ?? { heardAtMs: 0, isPinged: false };
    sessions.set(session, watched);
    stream.once("response", () => {
      watched.heardAtMs = performance.now();
    });
    stream.once("close", () => {
      if (watched.heardAtMs < openedAtMs) ping(session, watched, pingTimeoutMs);
    });
  };
}

function ping(session: Http2Session, watched: Watched, timeoutMs: number): void {
  if (watched.isPinged || session.closed || session.destroyed) return;
  const timer = setTimeout(() => {
    // An answer that came while this process stood still is read first.
    setImmediate(() => {
      if (watched.isPinged) session.destroy();
    });
  }, timeoutMs);
  watched.isPinged = session.ping((error) => {
    clearTimeout(timer);
    watched.isPinged = false;
    if (error === null) watched.heardAtMs = performance.now();
  });
  if (!watched.isPinged) clearTimeout(timer);
}
