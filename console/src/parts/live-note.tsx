/** How fresh a page is: "live", or when it was asked for. */
import { Radio } from "lucide-react";
import { RelativeTime } from "./relative-time.tsx";

export function LiveNote({
  isLive,
  asOf,
}: {
  /** Changes arrive by a stream. */
  readonly isLive: boolean;
  /** When the last answer came. */
  readonly asOf?: Date | undefined;
}) {
  return (
    <span className="live" data-live={isLive} role="status">
      <Radio size={14} aria-hidden="true" />
      {isLive ? (
        "Live"
      ) : asOf ? (
        <span>
          as of <RelativeTime at={asOf} />
        </span>
      ) : (
        "not connected"
      )}
    </span>
  );
}
