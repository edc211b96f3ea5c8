/**
 * The inbox, followed for all pages of this tab while it is seen: what shows items is asked for again when one changes.
 * Boundary: state of pages; how tabs share one stream is api/live-inbox.ts.
 */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { useApi } from "../api/api.tsx";
import { BASE } from "../api/base.ts";
import { followInbox } from "../api/live-inbox.ts";
import { carriedToken } from "../api/renewal.ts";
import { useRights } from "../api/rights.ts";
import { settled } from "../api/settled.ts";
import type { Liveness } from "../api/streams.ts";

/** Of several changes in a row the last one is asked for. */
const SETTLE_MS = 400;
/** While it is live the answers are asked for again so often all the same: the stream has the newest 500 items. */
const LIVE_MS = 60_000;

const LiveContext = createContext<Liveness>({ kind: "connecting" });

export function LiveInbox({ children }: { readonly children: ReactNode }) {
  const { client, workspaceId, actor, isSignedOut, config } = useApi();
  const { subject, workspaceId: ownWorkspaceId, may } = useRights();
  const cache = useQueryClient();
  const [liveness, setLiveness] = useState<Liveness>({ kind: "connecting" });
  const who = config.authMode === "none" ? actor : subject;
  // A caller who may not end steps sees no held ones.
  const seesHeld = config.authMode === "none" || may("workflows.v1.WorkflowService/TransitionStep");
  const name = JSON.stringify([BASE, workspaceId || ownWorkspaceId, who, seesHeld]);
  const isKnown = !isSignedOut && (config.authMode === "none" || subject !== "");
  useEffect(() => {
    if (!isKnown) return;
    let running: AbortController | undefined;
    const { changed, stop: unsettle } = settled(SETTLE_MS, () =>
      cache.invalidateQueries({ queryKey: ["inbox"] }),
    );
    const carried = carriedToken(config.oidc);
    const stop = () => {
      running?.abort();
      running = undefined;
    };
    const turn = () => {
      stop();
      if (document.hidden) return setLiveness({ kind: "hidden" });
      running = new AbortController();
      followInbox({
        name: `workflows.inbox ${name}`,
        async *open(signal) {
          await carried.take();
          yield* client.inbox.watch({ workspaceId }, { signal });
        },
        renewed: carried.isRenewed,
        onChange: changed,
        onLiveness: setLiveness,
        signal: running.signal,
      });
    };
    turn();
    document.addEventListener("visibilitychange", turn);
    return () => {
      document.removeEventListener("visibilitychange", turn);
      unsettle();
      stop();
    };
  }, [client, config, cache, workspaceId, name, isKnown]);
  return <LiveContext value={liveness}>{children}</LiveContext>;
}

/** How the stream is; and how often to ask: seldom while changes come by themselves. */
export function useLiveInbox(everyMs: number): {
  readonly liveness: Liveness;
  readonly everyMs: number;
} {
  const liveness = useContext(LiveContext);
  return { liveness, everyMs: liveness.kind === "live" ? LIVE_MS : everyMs };
}
