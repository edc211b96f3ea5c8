/**
 * A run as a page sees it: followed while the tab is seen, from where it was before.
 * Boundary: state of a page; how a run is followed is follow-run.ts.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { useApi } from "../../api/api.tsx";
import { followRun, type Liveness } from "./follow-run.ts";
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

/** Follows a run. */
export function useRun(runId: string): FollowedRun {
  const { client } = useApi();
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
      void followRun({
        watch: (after, open) => client.runs.watch({ runId, after }, { signal: open }),
        page: (after, open) =>
          client.runs.getHistory(
            { runId, pageToken: after, pageSize: PAGE_SIZE },
            { signal: open },
          ),
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
        after: known.current.picture.moves.at(-1)?.cursor ?? "",
        signal,
      });
    };
    const stop = () => {
      running?.abort();
      running = undefined;
    };
    const turn = () => {
      if (!document.hidden) return start();
      stop();
      setLiveness({ kind: "hidden" });
    };
    turn();
    document.addEventListener("visibilitychange", turn);
    return () => {
      document.removeEventListener("visibilitychange", turn);
      stop();
    };
  }, [client, runId, round]);

  const again = useCallback(() => setRound((last) => last + 1), []);
  return { picture, liveness, heardAtMs, again };
}
