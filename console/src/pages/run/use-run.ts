/**
 * A run as a page sees it: followed while the tab is seen, from where it was before.
 * Boundary: state of a page; how a run is followed is follow-run.ts.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { WorkflowState } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { useApi } from "../../api/api.tsx";
import { takePlace } from "../../api/places.ts";
import { useCall } from "../../api/queries.ts";
import { carriedToken } from "../../api/renewal.ts";
import type { Liveness } from "../../api/streams.ts";
import { followRun } from "./follow-run.ts";
import { afterMoves, NO_MOVES, type RunPicture } from "./run-picture.ts";

/** What is known, and how fresh it is. */
export interface FollowedRun {
  /** Undefined: no move has come yet. */
  readonly picture: RunPicture | undefined;
  readonly liveness: Liveness;
  /** When the service was heard last, by the clock of this browser. */
  readonly heardAtMs: number;
  /** Follows the run again: it had ended, and an order has opened it. */
  again(): void;
}

const PAGE_SIZE = 500;
/** How often an ended run is asked for further moves. */
const ENDED_EVERY_MS = 10_000;

/** Follows a run. */
export function useRun(runId: string): FollowedRun {
  const { client, isSignedOut, config } = useApi();
  const [picture, setPicture] = useState<RunPicture>();
  const [liveness, setLiveness] = useState<Liveness>({ kind: "connecting" });
  const [heardAtMs, setHeardAtMs] = useState(() => Date.now());
  const [round, setRound] = useState(0);
  const known = useRef({ runId, picture: NO_MOVES });

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round begins anew.
  useEffect(() => {
    if (known.current.runId !== runId) {
      known.current = { runId, picture: NO_MOVES };
      setPicture(undefined);
    }
    let running: AbortController | undefined;
    const start = () => {
      if (running !== undefined) return;
      const controller = new AbortController();
      running = controller;
      const { signal } = controller;
      const carried = carriedToken(config.oidc);
      void followRun({
        async *watch(after, open) {
          await carried.take();
          yield* client.runs.watch({ runId, after }, { signal: open });
        },
        async page(after, open) {
          await carried.take();
          const request = { runId, pageToken: after, pageSize: PAGE_SIZE };
          return client.runs.getHistory(request, { signal: open });
        },
        renewed: carried.isRenewed,
        onMoves(moves) {
          if (signal.aborted) return;
          known.current.picture = afterMoves(known.current.picture, moves);
          setPicture(known.current.picture);
        },
        onLiveness: (next) => void (signal.aborted || setLiveness(next)),
        onHeard() {
          // At first thousands of messages may come at once.
          if (!signal.aborted)
            setHeardAtMs((last) => (Date.now() - last < 250 ? last : Date.now()));
        },
        takePlace,
        after: known.current.picture.moves.at(-1)?.cursor ?? "",
        signal,
      });
    };
    const stop = () => {
      running?.abort();
      running = undefined;
    };
    const turn = () => {
      if (!document.hidden && !isSignedOut) return start();
      stop();
      setLiveness({ kind: "hidden" });
    };
    turn();
    document.addEventListener("visibilitychange", turn);
    return () => {
      document.removeEventListener("visibilitychange", turn);
      stop();
    };
  }, [client, config, isSignedOut, runId, round]);

  const again = useCallback(() => setRound((last) => last + 1), []);
  useNewMoves(runId, liveness, picture, again);
  return { picture, liveness, heardAtMs, again };
}

/** A FAILED or CANCELLED run may be compensated by somebody else: it is followed again when it has moved. */
function useNewMoves(
  runId: string,
  liveness: Liveness,
  picture: RunPicture | undefined,
  onMove: () => void,
): void {
  const after = picture?.moves.at(-1)?.cursor ?? "";
  const mayMove = liveness.kind === "ended" && picture?.state !== WorkflowState.COMPLETED;
  const { data } = useCall(
    ["further moves", runId, after],
    ({ runs }, options) => runs.getHistory({ runId, pageToken: after, pageSize: 1 }, options),
    { isEnabled: mayMove && after !== "", everyMs: ENDED_EVERY_MS, staleMs: 0 },
  );
  const hasMoved = mayMove && (data?.moves.length ?? 0) > 0;
  useEffect(() => {
    if (hasMoved) onMove();
  }, [hasMoved, onMove]);
}
