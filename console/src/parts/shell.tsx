/** The frame of all pages: navigation, search, zone, who acts, and the keys. */
import {
  Boxes,
  CircleHelp,
  House,
  Inbox,
  LayoutTemplate,
  ListChecks,
  type LucideIcon,
  Search,
  ServerCog,
  Workflow,
} from "lucide-react";
import { type FormEvent, type ReactNode, type RefObject, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { useApi } from "../api/api.tsx";
import { useCall } from "../api/queries.ts";
import { useRights } from "../api/rights.ts";
import { enterWorkspace, signOut } from "../api/session.ts";
import { paths } from "../paths.ts";
import { ActingAs } from "./acting-as.tsx";
import { moveRow, useKeys } from "./keys.ts";
import { KeysHelp } from "./keys-help.tsx";
import { useLiveInbox } from "./live-inbox.tsx";
import { PlainText } from "./plain-text.tsx";
import { ZoneSwitch } from "./zone.tsx";

const INBOX_EVERY_MS = 15_000;
/** Runs begin so; what is typed is an id then, not a text. */
const RUN_ID = /^wfr_[A-Za-z0-9]+$/;
const WORKFLOW_ID = /^wf_[A-Za-z0-9]+$/;

export function Shell({ children }: { readonly children: ReactNode }) {
  const [, go] = useLocation();
  const search = useRef<HTMLInputElement>(null);
  const [isHelping, setHelping] = useState(false);
  useKeys({
    "/": () => search.current?.focus(),
    "g h": () => go(paths.home),
    "g w": () => go(paths.workflows),
    "g r": () => go(paths.runs),
    "g i": () => go(paths.inbox),
    "g t": () => go(paths.templates),
    "g s": () => go(paths.system),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    "?": () => setHelping(true),
  });
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Nav />
      <header className="top">
        <SearchField field={search} />
        <div className="top-right">
          <ZoneSwitch />
          <Who />
          <button
            type="button"
            className="quiet"
            aria-label="Keys of this page"
            onClick={() => setHelping(true)}
          >
            <CircleHelp size={18} aria-hidden="true" />
          </button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <KeysHelp isOpen={isHelping} onOpenChange={setHelping} />
    </div>
  );
}

function Nav() {
  const { workspaceId, hasActor: mine } = useApi();
  const inbox = useCall(
    ["inbox", "count", workspaceId, mine],
    (client, options) => client.inbox.count({ workspaceId, mine }, options),
    { everyMs: useLiveInbox(INBOX_EVERY_MS).everyMs },
  );
  return (
    <nav className="nav" aria-label="Pages">
      <Link href={paths.home} className="brand">
        <Workflow size={20} aria-hidden="true" />
        <span>Workflows</span>
      </Link>
      <NavLink to={paths.home} icon={House} word="Home" />
      <NavLink to={paths.workflows} icon={Workflow} word="Workflows" />
      <NavLink to={paths.runs} icon={ListChecks} word="Runs" />
      <NavLink to={paths.inbox} icon={Inbox} word="Inbox" count={inbox.data?.totalSize} />
      <NavLink to={paths.templates} icon={LayoutTemplate} word="Templates" />
      <NavLink to={paths.system} icon={ServerCog} word="System" />
    </nav>
  );
}

function NavLink({
  to,
  icon: Icon,
  word,
  count = 0,
}: {
  readonly to: string;
  readonly icon: LucideIcon;
  readonly word: string;
  readonly count?: number | undefined;
}) {
  const [location] = useLocation();
  const isHere = to === "/" ? location === "/" : location.startsWith(to);
  return (
    <Link href={to} className="nav-link" aria-current={isHere ? "page" : undefined}>
      <Icon size={18} aria-hidden="true" />
      <span>{word}</span>
      {count > 0 && (
        <span className="count">
          {count}
          <span className="spoken"> open</span>
        </span>
      )}
    </Link>
  );
}

/** An id opens what it names; another text is looked for in the names of workflows. */
function SearchField({ field }: { readonly field: RefObject<HTMLInputElement | null> }) {
  const [, go] = useLocation();
  const search = (event: FormEvent) => {
    event.preventDefault();
    const text = field.current?.value.trim() ?? "";
    if (text === "") return;
    if (RUN_ID.test(text)) go(paths.run(text));
    else if (WORKFLOW_ID.test(text)) go(paths.workflow(text));
    else go(`${paths.workflows}?${new URLSearchParams({ q: text }).toString()}`);
    field.current?.blur();
  };
  return (
    <search>
      <form className="search" onSubmit={search}>
        <Search size={16} aria-hidden="true" />
        <input
          ref={field}
          type="search"
          aria-label="Search workflows, or open a run by its id"
          placeholder="Search workflows, or open a run by its id"
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
        <kbd>/</kbd>
      </form>
    </search>
  );
}

/** Where nobody signs in: the workspace, and who acts. */
function OpenSession() {
  const { workspaceId } = useApi();
  return (
    <span className="who">
      <button
        type="button"
        className="quiet"
        title="Go to another workspace"
        onClick={() => enterWorkspace("")}
      >
        <Boxes size={16} aria-hidden="true" />
        <span className="who-text">
          <PlainText most={200}>{workspaceId}</PlainText>
        </span>
      </button>
      <ActingAs />
    </span>
  );
}

function Who() {
  const { config } = useApi();
  const { subject } = useRights();
  if (config.authMode === "none") return <OpenSession />;
  return (
    <span className="who">
      <span title="Signed in">
        <PlainText most={200}>{subject}</PlainText>
      </span>
      <button type="button" className="quiet" onClick={() => signOut()}>
        Sign out
      </button>
    </span>
  );
}
