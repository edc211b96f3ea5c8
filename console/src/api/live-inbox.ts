/**
 * One Inbox.Watch for all tabs of a browser that show the same person's inbox: the tab that has the lock opens it, and tells the others that
 * something changed.
 * Boundary: knows no page. What changed is asked for by each tab itself, so no tab shows what another one's caller may see.
 * Invariants:
 * 1. At most one tab of a name has the stream. When it goes, the next one opens its own, and all ask for what may have changed meanwhile.
 * 2. Each tab is told how the stream is.
 * 3. A tab whose stream is refused gives the lock back.
 */
import type { InboxWatchResponse } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { pause, pauseAfter } from "../../../src/client/pauses.ts";
import { followStream, type Liveness, type NoStream } from "./streams.ts";

/** What a tab wants. */
export interface InboxWish {
  /** Of this service, workspace, person and rights: tabs with another name have nothing to do with it. */
  readonly name: string;
  /** Inbox.Watch from its beginning. */
  open(signal: AbortSignal): AsyncIterable<InboxWatchResponse>;
  /** The token was refused: gives whether there is another one now. */
  renewed(): Promise<boolean>;
  /** Something may have changed. */
  onChange(): void;
  onLiveness(liveness: Liveness): void;
  /** Ends it: the tab is hidden, or shows another one's inbox. */
  readonly signal: AbortSignal;
}

type Message = { readonly changed: true } | { readonly asks: true } | { readonly is: Liveness };

/** After so long a tab whose stream was refused queues for the next one. */
const AFTER_REFUSAL_MS = 60_000;

/** Follows until the signal aborts. A browser without locks or channels asks every few seconds. */
export function followInbox(wish: InboxWish): void {
  const { name, onChange, onLiveness, signal } = wish;
  const channel = navigator.locks === undefined ? undefined : channelOf(name);
  if (channel === undefined) {
    onLiveness({ kind: "polling", why: navigator.locks === undefined ? "browser" : "storage" });
    return;
  }
  /** Undefined: another tab has the stream. */
  let own: Liveness | undefined;
  const tell = (message: Message) => signal.aborted || channel.postMessage(message);
  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if (signal.aborted) return;
    if ("changed" in data) onChange();
    else if ("asks" in data && own !== undefined) tell({ is: own });
    else if ("is" in data && own === undefined) onLiveness(data.is);
  });
  const say = (liveness: Liveness) => {
    if (signal.aborted) return;
    own = liveness;
    onLiveness(liveness);
    tell({ is: liveness });
  };
  const change = () => {
    onChange();
    tell({ changed: true });
  };
  onLiveness({ kind: "connecting" });
  tell({ asks: true });
  signal.addEventListener("abort", () => channel.close(), { once: true });
  const queue = async () => {
    while (!signal.aborted) {
      await navigator.locks.request(name, { signal }, () => lead(wish, change, say));
      // Another tab may lead now.
      own = undefined;
      await pause(AFTER_REFUSAL_MS, signal);
    }
  };
  queue().catch(() => {
    // Unless the signal came first, the browser refuses locks.
    if (!signal.aborted) onLiveness({ kind: "polling", why: "storage" });
  });
}

/** Undefined: the browser blocks site data. */
function channelOf(name: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(name);
  } catch {
    return undefined;
  }
}

/** Has the stream until the signal aborts or the service refuses it. */
async function lead(
  { open, renewed, signal }: InboxWish,
  change: () => void,
  say: (liveness: Liveness) => void,
): Promise<void> {
  const isOver = { refused: false };
  for (let ended = 1; !signal.aborted && !isOver.refused; ended += 1) {
    await followStream({
      open,
      onMessage({ reset, item, gone }) {
        // Others are signs of life.
        if (reset || item !== undefined || gone !== "") change();
      },
      poll: (untilMs, why) => pollUntil(untilMs, why, say, signal),
      onLiveness(liveness) {
        isOver.refused = liveness.kind === "refused";
        if (liveness.kind === "live") ended = 0;
        // An hour is over, or the replica stops: the next stream comes at once.
        if (liveness.kind !== "ended") say(liveness);
      },
      onHeard() {},
      renewed,
      signal,
    });
    if (!isOver.refused) await pause(pauseAfter(ended), signal).catch(() => undefined);
  }
}

/** The tabs ask by themselves while they are told so. */
async function pollUntil(
  untilMs: number,
  why: NoStream,
  say: (liveness: Liveness) => void,
  signal: AbortSignal,
): Promise<boolean> {
  say({ kind: "polling", why });
  await pause(Math.max(0, untilMs - performance.now()), signal);
  return false;
}
