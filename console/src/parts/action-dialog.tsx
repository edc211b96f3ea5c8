/**
 * An action that asks first: what it touches, the reason, the command line that does the same, and one button.
 * Boundary: knows no RPC; `act` does it, and the dialog stays open with the error when it fails.
 */
import { type ReactNode, useId, useState } from "react";
import { ChangedNote } from "./changed-note.tsx";
import { CliLine } from "./cli-line.tsx";
import { Dialog, DialogClose, type Trigger } from "./dialog.tsx";
import { ErrorNote } from "./error-note.tsx";

export interface ActionDialogProps {
  /** Of the dialog and of the button that does it, such as "Cancel the run". */
  readonly title: string;
  /** The button that opens it. */
  readonly trigger: Trigger;
  /** What it will touch: a preview. */
  readonly children?: ReactNode;
  readonly isDestructive?: boolean;
  /** Whether a reason is asked for; `none` unless given. */
  readonly reason?: "required" | "optional" | "none";
  readonly reasonLabel?: string;
  /** Arguments of the command that does the same, with the reason that was typed. */
  readonly cli?: (reason: string) => readonly string[];
  /** Where it takes several. */
  readonly cliLines?: (reason: string) => readonly (readonly string[])[];
  /** Must be typed before: for what touches more than one thing. */
  readonly confirmWord?: string;
  /** Whether the button may be pressed; for forms inside. */
  readonly isReady?: boolean;
  /** The attempt of a step that it is about: the one that was the latest when the dialog was opened, until the person goes on with another. */
  readonly attempt?: number;
  readonly act: (reason: string, attempt: number) => Promise<unknown>;
  readonly onOpenChange?: (isOpen: boolean) => void;
}

export function ActionDialog(props: ActionDialogProps) {
  const [isOpen, setOpen] = useState(false);
  const change = (next: boolean) => {
    setOpen(next);
    props.onOpenChange?.(next);
  };
  return (
    <Dialog title={props.title} trigger={props.trigger} isOpen={isOpen} onOpenChange={change}>
      <ActionForm {...props} onDone={() => change(false)} />
    </Dialog>
  );
}

/** The inside; what was typed is gone when the dialog is opened again. */
function ActionForm({ onDone, ...props }: ActionDialogProps & { readonly onDone: () => void }) {
  const { title, children, isDestructive = false, reason: asked = "none" } = props;
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const { attempt: latest = 0 } = props;
  const [attempt, setAttempt] = useState(latest);
  const ids = { reason: useId(), confirm: useId() };
  const isReady =
    (props.isReady ?? true) &&
    attempt === latest &&
    (asked !== "required" || reason.trim() !== "") &&
    (props.confirmWord === undefined || typed === props.confirmWord);
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await props.act(reason.trim(), attempt);
      onDone();
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="action"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && !isBusy) void submit();
      }}
    >
      {children}
      {asked !== "none" && (
        <div className="field">
          <label htmlFor={ids.reason}>
            {props.reasonLabel ?? "Reason"}
            {asked === "optional" && <span className="muted"> (optional)</span>}
          </label>
          <textarea
            id={ids.reason}
            rows={2}
            value={reason}
            required={asked === "required"}
            onChange={(event) => setReason(event.target.value)}
          />
        </div>
      )}
      {props.confirmWord !== undefined && (
        <div className="field">
          <label htmlFor={ids.confirm}>
            Type <code>{props.confirmWord}</code> to go on
          </label>
          <input
            id={ids.confirm}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
      )}
      {attempt !== latest && (
        <ChangedNote
          title="Another attempt has begun"
          action={`Go on with attempt ${latest}`}
          onSeen={() => setAttempt(latest)}
        >
          You saw attempt {attempt}. The step is at attempt {latest} now: this may not be needed any
          more.
        </ChangedNote>
      )}
      {error !== undefined && <ErrorNote error={error} />}
      {props.cli && <CliLine args={props.cli(reason.trim())} />}
      {props.cliLines?.(reason.trim()).map((args) => (
        <CliLine key={args.join(" ")} args={args} />
      ))}
      <footer className="dialog-foot">
        <DialogClose>Close</DialogClose>
        <button
          type="submit"
          className={isDestructive ? "danger" : "primary"}
          disabled={!isReady || isBusy}
        >
          {title}
        </button>
      </footer>
    </form>
  );
}
