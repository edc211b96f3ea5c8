/** Two versions beside each other: as one graph with what differs, and as text. Which two is in the address. */
import { lazy, Suspense, useId, useMemo } from "react";
import type {
  GetVersionResponse,
  VersionHead,
} from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type {
  WorkflowDefinition,
  WorkflowVersion,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { Badge } from "../badge.tsx";
import { CliLine } from "../cli-line.tsx";
import { Empty } from "../empty.tsx";
import { ErrorNote } from "../error-note.tsx";
import { MARKS } from "../graph/marks.ts";
import type { Mark } from "../graph/node-facts.ts";
import { Loading } from "../loading.tsx";
import { PlainText } from "../plain-text.tsx";
import { useSearchParam } from "../search-param.ts";
import { LineDiff } from "./line-diff-view.tsx";
import { useVersion } from "./use-version.ts";
import { type Change, diffVersions, jsonOf, type VersionDiff } from "./version-diff.ts";

const WorkflowGraph = lazy(() => import("../graph/workflow-graph.tsx"));
const ORDER: readonly Mark[] = ["added", "removed", "changed"];
const CHANGES_SHOWN = 200;

/** Without a choice in the address the latest version is compared with the one before. */
export function Compare({
  definition,
  heads,
}: {
  readonly definition: WorkflowDefinition;
  readonly heads: readonly VersionHead[];
}) {
  const latest = heads[0]?.version ?? 0;
  const [from, setFrom] = useVersionParam("from", latest - 1);
  const [to, setTo] = useVersionParam("to", latest);
  const before = useVersion(definition.id, from);
  const after = useVersion(definition.id, to);
  if (latest < 2) {
    return (
      <Empty
        title="There is one version alone"
        hint="When another one is published, what it changes is shown here."
      />
    );
  }
  const error = before.error ?? after.error;
  return (
    <section aria-label="Comparison of two versions">
      <div className="version-row">
        <Choice label="From version" value={from} heads={heads} onChoose={setFrom} />
        <Choice label="To version" value={to} heads={heads} onChoose={setTo} />
        <CliLine args={["diff", definition.name, "--from", String(from), "--to", String(to)]} />
      </div>
      {error !== null ? (
        <ErrorNote error={error} />
      ) : before.data === undefined || after.data === undefined ? (
        <Loading rows={8} />
      ) : (
        <Difference before={before.data} after={after.data} />
      )}
    </section>
  );
}

/** A version in the address; the given one where there is none. */
function useVersionParam(name: string, otherwise: number): [number, (version: string) => void] {
  const [text, set] = useSearchParam(name);
  return [/^[1-9]\d{0,8}$/.test(text) ? Number(text) : otherwise, set];
}

function Choice({
  label,
  value,
  heads,
  onChoose,
}: {
  readonly label: string;
  readonly value: number;
  readonly heads: readonly VersionHead[];
  readonly onChoose: (version: string) => void;
}) {
  const numbers = heads.map(({ version }) => version);
  const all = numbers.includes(value) ? numbers : [...numbers, value];
  return (
    <label className="with-icon">
      {label}
      <select value={value} onChange={({ target }) => onChoose(target.value)}>
        {all.map((number) => (
          <option key={number}>{number}</option>
        ))}
      </select>
    </label>
  );
}

function Difference({
  before,
  after,
}: {
  readonly before: GetVersionResponse;
  readonly after: GetVersionResponse;
}) {
  const [view, setView] = useSearchParam("as");
  const [from, to] = [before.version, after.version];
  const diff = useMemo(() => from && to && diffVersions(from, to), [from, to]);
  if (from === undefined || to === undefined || diff === undefined) return null;
  const isText = view === "text";
  return (
    <>
      <div className="version-row compare-views">
        <fieldset className="chips">
          <legend className="spoken">How it is shown</legend>
          <button type="button" className="chip" aria-pressed={!isText} onClick={() => setView("")}>
            Graph
          </button>
          <button
            type="button"
            className="chip"
            aria-pressed={isText}
            onClick={() => setView("text")}
          >
            Text
          </button>
        </fieldset>
        <Counts changes={diff.changes} />
      </div>
      {isText ? <Texts before={before} after={after} /> : <Graph {...{ from, to, diff }} />}
    </>
  );
}

/** How many parts were added, removed and changed. */
function Counts({ changes }: { readonly changes: readonly Change[] }) {
  if (changes.length === 0) return <p role="status">Both versions do the same.</p>;
  return (
    <p className="compare-counts" role="status">
      {ORDER.map((mark) => {
        const count = changes.filter((change) => change.mark === mark).length;
        const { word, icon, tone } = MARKS[mark];
        return (
          count > 0 && (
            <Badge key={mark} tone={tone} icon={icon}>
              {`${count} ${word}`}
            </Badge>
          )
        );
      })}
    </p>
  );
}

function Graph({
  from,
  to,
  diff,
}: {
  readonly from: WorkflowVersion;
  readonly to: WorkflowVersion;
  readonly diff: VersionDiff;
}) {
  const { steps, edges, stepMarks, linkMarks, changes } = diff;
  const { definitionId, version } = to;
  const drawn = useMemo(
    () => ({ definitionId, version, steps: [...steps], edges: [...edges] }),
    [definitionId, version, steps, edges],
  );
  return (
    <>
      <div className="compare-graph">
        <Suspense fallback={<Loading rows={8} />}>
          <WorkflowGraph
            version={drawn}
            layoutKey={`${definitionId}/${from.version}-${version}`}
            marks={stepMarks}
            linkMarks={linkMarks}
          />
        </Suspense>
      </div>
      <Changes changes={changes} />
    </>
  );
}

/** The same as the graph, to be read. */
function Changes({ changes }: { readonly changes: readonly Change[] }) {
  const id = useId();
  if (changes.length === 0) return null;
  return (
    <section className="card card-body" aria-labelledby={id}>
      <h2 id={id}>What differs</h2>
      <ul className="compare-changes">
        {changes.slice(0, CHANGES_SHOWN).map(({ mark, of, name, fields }) => {
          const { word, icon, tone } = MARKS[mark];
          return (
            <li key={`${of} ${name}`}>
              <Badge tone={tone} icon={icon}>
                {word}
              </Badge>
              <span>
                {of === "version" ? "" : `${of} `}
                <strong>
                  <PlainText most={300}>{name}</PlainText>
                </strong>
              </span>
              {fields.length > 0 && <span className="muted">{fields.join(", ")}</span>}
            </li>
          );
        })}
      </ul>
      {changes.length > CHANGES_SHOWN && (
        <p className="muted">And {changes.length - CHANGES_SHOWN} more: the text has all.</p>
      )}
    </section>
  );
}

/** The files where both were kept, else what the versions do as JSON. */
function Texts({
  before,
  after,
}: {
  readonly before: GetVersionResponse;
  readonly after: GetVersionResponse;
}) {
  const isSource = before.sourceText !== "" && after.sourceText !== "";
  const textOf = ({ sourceText, version }: GetVersionResponse) =>
    isSource || version === undefined ? sourceText : jsonOf(version);
  return (
    <>
      <p className="muted">
        {isSource
          ? "The files that were published."
          : "A version was published without a file: this is what both do, as JSON."}
      </p>
      <LineDiff before={textOf(before)} after={textOf(after)} />
    </>
  );
}
