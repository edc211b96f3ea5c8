/** Whether what was typed is saved, by whom it was saved last, and whether it can be published. */
import { CircleAlert, CircleCheck, CircleX, LoaderCircle } from "lucide-react";
import { wordsOf } from "../../../api/words.ts";
import { Badge } from "../../badge.tsx";
import { PlainText } from "../../plain-text.tsx";
import { RelativeTime } from "../../relative-time.tsx";
import { DraftGone, type DraftSession, type DraftView, TooLong } from "./draft-session.ts";

export function SaveNote({
  session,
  view,
}: {
  readonly session: DraftSession;
  readonly view: DraftView;
}) {
  const { state, faultCount, warnings } = view;
  return (
    <span className="save-note">
      <Health faultCount={faultCount} warningCount={warnings.length} />
      <span className="muted with-icon" role="status">
        {state === "saved" ? (
          <Saved view={view} />
        ) : state === "failed" ? (
          <span data-tone="bad" className="with-icon save-failed">
            <CircleAlert size={15} aria-hidden="true" />
            Not saved:{" "}
            {view.error instanceof TooLong || view.error instanceof DraftGone
              ? view.error.message
              : wordsOf(view.error).title}
          </span>
        ) : state === "other" ? (
          "Not saved: somebody else has"
        ) : (
          <>
            <LoaderCircle size={15} aria-hidden="true" />
            Saving
          </>
        )}
      </span>
      {state === "failed" && (
        <button type="button" onClick={() => void session.flush()}>
          Save again
        </button>
      )}
    </span>
  );
}

function Saved({ view: { savedBy, savedAt } }: { readonly view: DraftView }) {
  return (
    <span>
      Saved <RelativeTime at={savedAt} />
      {savedBy !== "" && (
        <>
          {" by "}
          <PlainText most={200}>{savedBy.replace(/^unverified:/, "")}</PlainText>
        </>
      )}
    </span>
  );
}

function Health({
  faultCount,
  warningCount,
}: {
  readonly faultCount: number;
  readonly warningCount: number;
}) {
  if (faultCount > 0) {
    return (
      <Badge tone="bad" icon={CircleX}>
        {faultCount === 1 ? "1 fault" : `${faultCount} faults`}
      </Badge>
    );
  }
  const words = warningCount === 0 ? "" : `, ${warningCount} warning${warningCount > 1 ? "s" : ""}`;
  return (
    <Badge tone={warningCount === 0 ? "ok" : "warn"} icon={CircleCheck}>
      {`Can be published${words}`}
    </Badge>
  );
}
