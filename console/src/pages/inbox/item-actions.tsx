/** What may be done with an item besides deciding it: claim, release, delegate, comment. */
import { useId, useState } from "react";
import { type InboxItem, ItemState } from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { useAct } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { withReason } from "../../parts/cli-line.tsx";

const INBOX = "workflows.ops.v1.Inbox";

/** Buttons; those that the caller may not press are not there. */
export function ItemActions({ item }: { readonly item: InboxItem }) {
  const { may } = useRights();
  const { id } = item;
  const isClaimed = item.state === ItemState.CLAIMED;
  return (
    <div className="item-actions">
      {!isClaimed && may(`${INBOX}/Claim`) && <Claim id={id} />}
      {isClaimed && may(`${INBOX}/Release`) && <Release id={id} />}
      {may(`${INBOX}/Delegate`) && <Delegate id={id} />}
      {may(`${INBOX}/Comment`) && <Comment id={id} />}
    </div>
  );
}

interface Props {
  readonly id: string;
}

function Claim({ id }: Props) {
  const claim = useAct(({ inbox }, reason: string) => inbox.claim({ id, reason }));
  return (
    <ActionDialog
      title="Claim it"
      trigger={<button type="button">Claim</button>}
      reason="optional"
      cli={(reason) => withReason(["claim", id], reason)}
      act={(reason) => claim.mutateAsync(reason)}
    >
      <p>Until you release it, nobody else can act on it.</p>
    </ActionDialog>
  );
}

function Release({ id }: Props) {
  const release = useAct(({ inbox }, reason: string) => inbox.release({ id, reason }));
  return (
    <ActionDialog
      title="Release it"
      trigger={<button type="button">Release</button>}
      reason="optional"
      cli={(reason) => withReason(["release", id], reason)}
      act={(reason) => release.mutateAsync(reason)}
    >
      <p>Others can act on it again.</p>
    </ActionDialog>
  );
}

function Delegate({ id }: Props) {
  const [to, setTo] = useState("");
  const field = useId();
  const delegate = useAct(({ inbox }, reason: string) => inbox.delegate({ id, to, reason }));
  return (
    <ActionDialog
      title="Ask somebody else"
      trigger={<button type="button">Delegate</button>}
      reason="optional"
      cli={(reason) => withReason(["delegate", id, to || "PERSON"], reason)}
      isReady={to !== ""}
      act={(reason) => delegate.mutateAsync(reason)}
    >
      <div className="field">
        <label htmlFor={field}>Who is asked instead</label>
        <input
          id={field}
          value={to}
          autoComplete="off"
          placeholder="user_ann"
          onChange={({ target }) => setTo(target.value.trim())}
        />
      </div>
    </ActionDialog>
  );
}

function Comment({ id }: Props) {
  const comment = useAct(({ inbox }, text: string) => inbox.comment({ id, comment: text }));
  return (
    <ActionDialog
      title="Add a comment"
      trigger={<button type="button">Comment</button>}
      reason="required"
      reasonLabel="Comment"
      cli={(text) => ["comment", id, text]}
      act={(reason) => comment.mutateAsync(reason)}
    />
  );
}
