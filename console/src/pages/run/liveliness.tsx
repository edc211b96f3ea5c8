/** How fresh the page of a run is, in words: live, or as of when and why. */
import { Radio, RefreshCw, WifiOff } from "lucide-react";
import { RelativeTime } from "../../parts/relative-time.tsx";
import type { FollowedRun } from "./use-run.ts";

/** Beside the head of the page. */
export function Liveliness({ followed }: { readonly followed: FollowedRun }) {
  const { liveness, heardAtMs, again } = followed;
  const asOf = (
    <>
      as of <RelativeTime at={new Date(heardAtMs)} />
    </>
  );
  switch (liveness.kind) {
    case "live":
      return (
        <span className="live" data-live="true" role="status">
          <Radio size={14} aria-hidden="true" />
          Live
        </span>
      );
    case "polling":
      return (
        <span className="live" role="status" title="A proxy on the way holds the stream back.">
          <RefreshCw size={14} aria-hidden="true" />
          <span>Asks every few seconds: a proxy holds the stream back; {asOf}</span>
        </span>
      );
    case "ended":
      return (
        <span className="live" role="status">
          <span>Ended; {asOf}</span>
        </span>
      );
    case "refused":
      return (
        <span className="live is-off" role="status">
          <WifiOff size={14} aria-hidden="true" />
          <span>
            Not live ({liveness.error.message}); {asOf}
          </span>
          <button type="button" className="link" onClick={again}>
            Try again
          </button>
        </span>
      );
    case "away":
      return (
        <span className="live is-off" role="status">
          <WifiOff size={14} aria-hidden="true" />
          <span>The service does not answer, trying again; {asOf}</span>
        </span>
      );
    case "connecting":
    case "hidden":
      return (
        <span className="live" role="status">
          <span>Connecting; {asOf}</span>
        </span>
      );
  }
}
