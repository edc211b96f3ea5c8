/** How fresh a page is, in words: live, or as of when and why. */
import { Radio, RefreshCw, WifiOff } from "lucide-react";
import type { Liveness, NoStream } from "../api/streams.ts";
import { RelativeTime } from "./relative-time.tsx";

const WHY: Readonly<Record<NoStream, string>> = {
  proxy: "a proxy holds the stream back",
  pages: "other pages of this browser use its connections",
  browser: "this page came without TLS, and cannot share a stream",
  storage: "this browser blocks site data, and cannot share a stream",
};

/** Beside the head of a page. `heardAtMs`: when the service was heard last, by the clock of this browser. */
export function Liveliness({
  liveness,
  heardAtMs,
  onAgain,
}: {
  readonly liveness: Liveness;
  readonly heardAtMs: number;
  readonly onAgain?: () => void;
}) {
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
        <span className="live" role="status">
          <RefreshCw size={14} aria-hidden="true" />
          <span>
            Asks every few seconds: {WHY[liveness.why]}; {asOf}
          </span>
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
            Not live ({liveness.message}); {asOf}
          </span>
          {onAgain !== undefined && (
            <button type="button" className="link" onClick={onAgain}>
              Try again
            </button>
          )}
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
