/** Who acts where nobody signs in: the name that history and decisions show, marked as unverified. */
import { UserRound } from "lucide-react";
import { useId, useState } from "react";
import { actAs, useSession } from "../api/session.ts";
import { Dialog, DialogClose } from "./dialog.tsx";

/** As the service takes it: visible ASCII. */
const NAME = /^[\x21-\x7e]{1,200}$/;

export function ActingAs() {
  const { actor } = useSession();
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog
      title="Who acts"
      description="The service has no authentication. It records this name, marked as unverified, and takes it for decisions in the inbox."
      isOpen={isOpen}
      onOpenChange={setOpen}
      trigger={
        <button type="button" className="quiet who">
          <UserRound size={16} aria-hidden="true" />
          <span className="who-text">{actor ?? "Who are you?"}</span>
        </button>
      }
    >
      <NameForm name={actor ?? ""} onDone={() => setOpen(false)} />
    </Dialog>
  );
}

function NameForm({ name, onDone }: { readonly name: string; readonly onDone: () => void }) {
  const [typed, setTyped] = useState(name);
  const id = useId();
  const isReady = typed === "" || NAME.test(typed);
  return (
    <form
      className="action"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isReady) return;
        actAs(typed);
        onDone();
      }}
    >
      <div className="field">
        <label htmlFor={id}>Name</label>
        <input
          id={id}
          value={typed}
          autoComplete="username"
          placeholder="ada@example.com"
          aria-invalid={!isReady}
          onChange={(event) => setTyped(event.target.value.trim())}
        />
        {!isReady && <p className="fault">Letters, digits and signs of ASCII, without spaces</p>}
      </div>
      <footer className="dialog-foot">
        <DialogClose>Close</DialogClose>
        <button type="submit" className="primary" disabled={!isReady}>
          Save
        </button>
      </footer>
    </form>
  );
}
