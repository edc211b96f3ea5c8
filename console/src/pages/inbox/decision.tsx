/**
 * Approve or deny, with a comment.
 * Invariant: what is decided is named by the digest of what the person saw, never by that of what came afterwards.
 */
import { Check, X } from "lucide-react";
import { useId, useState } from "react";
import { type InboxItem, Verdict } from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { useAct } from "../../api/queries.ts";
import { ChangedNote } from "../../parts/changed-note.tsx";
import { CliLine, withReason } from "../../parts/cli-line.tsx";
import { RefusalNote } from "./refusal-note.tsx";

/** `onRefused`: the item may be another one by now. */
export function Decision({
  item,
  onRefused,
}: {
  readonly item: InboxItem;
  readonly onRefused: () => void;
}) {
  const { id } = item;
  const [digest, setDigest] = useState(item.digest);
  const isOther = digest !== item.digest;
  const [comment, setComment] = useState("");
  const [isMissing, setIsMissing] = useState(false);
  const ids = { comment: useId(), missing: useId() };
  const decide = useAct(({ inbox }, verdict: Verdict) =>
    inbox.decide({ id, digest, verdict, comment: comment.trim() }),
  );
  const give = (verdict: Verdict) => {
    const lacksReason = verdict === Verdict.DENY && comment.trim() === "";
    setIsMissing(lacksReason);
    if (!lacksReason && !isOther) decide.mutate(verdict, { onError: onRefused });
  };
  return (
    <section className="card card-body decision" aria-label="Your decision">
      <div className="field">
        <label htmlFor={ids.comment}>
          Comment <span className="muted">(kept with the decision; needed to deny)</span>
        </label>
        <textarea
          id={ids.comment}
          rows={3}
          value={comment}
          aria-invalid={isMissing}
          aria-describedby={isMissing ? ids.missing : undefined}
          onChange={({ target }) => {
            setComment(target.value);
            setIsMissing(false);
          }}
        />
        {isMissing && (
          <p className="fault" id={ids.missing} role="alert">
            Say why you deny it
          </p>
        )}
      </div>
      {isOther ? (
        <ChangedNote
          title="What is to be decided has changed"
          action="I have read it again"
          onSeen={() => setDigest(item.digest)}
        >
          The details above are other ones than those that you saw first. Read them before you
          decide.
        </ChangedNote>
      ) : (
        decide.isError && <RefusalNote error={decide.error} />
      )}
      <div className="decision-buttons">
        <button
          type="button"
          className="primary"
          disabled={decide.isPending || isOther}
          onClick={() => give(Verdict.APPROVE)}
        >
          <Check size={16} aria-hidden="true" />
          Approve
        </button>
        <button
          type="button"
          className="danger"
          disabled={decide.isPending || isOther}
          onClick={() => give(Verdict.DENY)}
        >
          <X size={16} aria-hidden="true" />
          Deny
        </button>
      </div>
      <details>
        <summary>On the command line</summary>
        {["approve", "deny"].map((verb) => (
          <CliLine key={verb} args={withReason([verb, id, "--digest", digest], comment.trim())} />
        ))}
      </details>
    </section>
  );
}
