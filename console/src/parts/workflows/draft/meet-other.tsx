/** Another person has saved the draft meanwhile: what differs, and the choice of what goes on. */
import { TriangleAlert } from "lucide-react";
import type { Draft } from "../../../../../gen/workflows/ops/v1/workflow_changes_pb.ts";
import { PlainText } from "../../plain-text.tsx";
import { RelativeTime } from "../../relative-time.tsx";
import { LineDiff } from "../line-diff-view.tsx";
import type { DraftSession, DraftView } from "./draft-session.ts";

export function MeetOther({
  session,
  view: { text, merged },
  theirs,
}: {
  readonly session: DraftSession;
  readonly view: DraftView;
  readonly theirs: Draft;
}) {
  const who = theirs.savedBy.replace(/^unverified:/, "") || "Somebody else";
  const goOn = (with_: string) => void session.goOnWith(with_);
  return (
    <div className="error-note draft-meet" role="alert">
      <TriangleAlert size={18} aria-hidden="true" />
      <div>
        <p className="error-title">
          <PlainText most={200}>{who}</PlainText> saved this draft{" "}
          <RelativeTime at={theirs.savedAt} />
        </p>
        <p>
          {merged === undefined
            ? "You both changed the same lines. Nothing of yours is saved until you choose."
            : "You changed different lines, so both can be kept. Nothing of yours is saved until you choose."}
        </p>
        <div className="draft-choices">
          {merged !== undefined && (
            <button type="button" className="primary" onClick={() => goOn(merged)}>
              Keep both changes
            </button>
          )}
          <button type="button" onClick={() => goOn(theirs.sourceText)}>
            Take theirs
          </button>
          <button type="button" onClick={() => goOn(text)}>
            Keep mine
          </button>
        </div>
        <details>
          <summary>From theirs to yours</summary>
          <LineDiff before={theirs.sourceText} after={text} />
        </details>
      </div>
    </div>
  );
}
