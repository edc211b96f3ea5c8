/** The saved views above the list of runs: each is a link, and the one that is shown can be renamed and deleted. */
import { Bookmark, Pencil, Trash2 } from "lucide-react";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { Link } from "wouter";
import { paths } from "../../paths.ts";
import { Dialog, DialogClose, type Trigger } from "../dialog.tsx";
import { PlainText } from "../plain-text.tsx";
import { type Filters, queryOf } from "./filters.ts";
import {
  deleteView,
  faultOfName,
  MOST_NAME_CHARS,
  renameView,
  saveView,
  useViews,
} from "./views.ts";

/** Nothing where there is no view, and no filter that could be one. `children`: what else is done with the filters. */
export function SavedViews({
  filters,
  children,
}: {
  readonly filters: Filters;
  readonly children?: ReactNode;
}) {
  const views = useViews();
  const [isKept, setKept] = useState(true);
  const query = queryOf(filters);
  const shown = views.find((view) => view.query === query);
  if (views.length === 0 && query === "") return null;
  return (
    <nav className="views" aria-label="Saved views">
      {views.length > 0 && (
        <ul className="views-list">
          {views.map((view) => (
            <li key={view.name}>
              <Link
                href={`${paths.runs}?${view.query}`}
                className="view"
                aria-current={view === shown ? "page" : undefined}
              >
                <Bookmark size={14} aria-hidden="true" />
                <PlainText most={MOST_NAME_CHARS}>{view.name}</PlainText>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {shown === undefined && query !== "" && (
        <NameDialog
          title="Save this view"
          action="Save"
          trigger={
            <button type="button" className="quiet">
              <Bookmark size={14} aria-hidden="true" />
              Save this view
            </button>
          }
          onName={(name) => setKept(saveView({ name, query }))}
        />
      )}
      {shown !== undefined && (
        <>
          <NameDialog
            title="Rename the view"
            action="Rename"
            before={shown.name}
            trigger={
              <button type="button" className="quiet" aria-label={`Rename ${shown.name}`}>
                <Pencil size={14} aria-hidden="true" />
                Rename
              </button>
            }
            onName={(name) => setKept(renameView(shown.name, name))}
          />
          <button
            type="button"
            className="quiet"
            aria-label={`Delete ${shown.name}`}
            onClick={() => setKept(deleteView(shown.name))}
          >
            <Trash2 size={14} aria-hidden="true" />
            Delete
          </button>
        </>
      )}
      {children}
      {!isKept && (
        <span className="fault" role="status">
          The browser keeps nothing for this page: views are gone with it.
        </span>
      )}
    </nav>
  );
}

function NameDialog({
  title,
  action,
  trigger,
  before = "",
  onName,
}: {
  readonly title: string;
  readonly action: string;
  readonly trigger: Trigger;
  readonly before?: string;
  readonly onName: (name: string) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const give = (name: string) => {
    setOpen(false);
    onName(name);
  };
  return (
    <Dialog title={title} trigger={trigger} isOpen={isOpen} onOpenChange={setOpen}>
      <NameForm action={action} before={before} onName={give} />
    </Dialog>
  );
}

/** What was typed is gone when the dialog is opened again. */
function NameForm({
  action,
  before,
  onName,
}: {
  readonly action: string;
  readonly before: string;
  readonly onName: (name: string) => void;
}) {
  const [typed, setTyped] = useState(before);
  const id = useId();
  const name = typed.trim();
  const fault = faultOfName(name, before);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (fault === "") onName(name);
  };
  return (
    <form className="action" onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>Name</label>
        <input
          id={id}
          value={typed}
          maxLength={MOST_NAME_CHARS}
          autoComplete="off"
          aria-invalid={typed !== "" && fault !== ""}
          onChange={({ target }) => setTyped(target.value)}
        />
        {typed !== "" && fault !== "" && <p className="fault">{fault}</p>}
        <p className="muted">
          This browser keeps it. To send the view to somebody else, send its address.
        </p>
      </div>
      <footer className="dialog-foot">
        <DialogClose>Close</DialogClose>
        <button type="submit" className="primary" disabled={fault !== ""}>
          {action}
        </button>
      </footer>
    </form>
  );
}
