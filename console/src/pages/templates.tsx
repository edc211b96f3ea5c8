/** The gallery, and what the workspace keeps: workflows to begin with, by category, with what each needs. The filters are in the address. */
import { Link } from "wouter";
import type { Template, TemplateNeed } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { useApi } from "../api/api.tsx";
import { useCall } from "../api/queries.ts";
import { Chips } from "../parts/chips.tsx";
import { CliLine } from "../parts/cli-line.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { groupBy } from "../parts/graph/group-by.ts";
import { ROW_LINK } from "../parts/keys.ts";
import { Loading } from "../parts/loading.tsx";
import { needWords } from "../parts/need-words.ts";
import { PageHead } from "../parts/page-head.tsx";
import { PlainText } from "../parts/plain-text.tsx";
import { useSearchParam } from "../parts/search-param.ts";
import { paths } from "../paths.ts";
import "../styles/templates.css";
import "../styles/workflows.css";

const STALE_MS = 60_000;
/** The heading of templates without a category. */
const OTHERS = "Others";

export default function TemplatesPage() {
  const { workspaceId } = useApi();
  const [text, setText] = useSearchParam("q");
  const [category, setCategory] = useSearchParam("category");
  const { data, error, isPending, refetch } = useCall(
    ["templates", workspaceId, text, category],
    ({ templates }, options) => templates.list({ text, category, workspaceId }, options),
    { staleMs: STALE_MS, isKept: true },
  );
  const args = [
    ...["templates", "list"],
    ...(category === "" ? [] : ["--category", category]),
    ...(text === "" ? [] : ["--text", text]),
  ];
  return (
    <>
      <PageHead title="Templates" aside={<CliLine args={args} />}>
        <span>Workflows to begin with</span>
      </PageHead>
      <div className="workflows-search templates-search">
        <input
          type="search"
          aria-label="Part of the title or summary"
          placeholder="Part of the title or summary"
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
        <Chips
          legend="Category"
          chips={(data?.categories ?? []).map((id) => ({ id, label: id }))}
          on={[category]}
          onToggle={(id) => setCategory(id === category ? "" : id)}
        />
      </div>
      {isPending ? (
        <Loading rows={8} />
      ) : data === undefined ? (
        <ErrorNote error={error} onRetry={refetch} />
      ) : data.templates.length === 0 ? (
        <Empty title="No template matches" cli={["templates", "list"]} />
      ) : (
        <Gallery templates={data.templates} />
      )}
    </>
  );
}

function Gallery({ templates }: { readonly templates: readonly Template[] }) {
  const groups = groupBy(templates, ({ category }) => category || OTHERS);
  return [...groups].sort(byName).map(([category, all]) => (
    <section key={category} className="template-group" aria-label={category}>
      <h2>{category}</h2>
      <ul className="templates">
        {all.map((template) => (
          <Card key={template.id} template={template} />
        ))}
      </ul>
    </section>
  ));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a.localeCompare(b);
}

function Card({ template }: { readonly template: Template }) {
  const { id, title, summary, needs, builtIn } = template;
  return (
    <li className="card">
      <Link href={paths.template(id)} className="card-body template" {...ROW_LINK}>
        <strong>
          <PlainText most={200}>{title}</PlainText>
        </strong>
        <span>
          <PlainText most={500}>{summary}</PlainText>
        </span>
        {!builtIn && <span className="tag">kept by this workspace</span>}
        <Needs needs={needs} />
      </Link>
    </li>
  );
}

function Needs({ needs }: { readonly needs: readonly TemplateNeed[] }) {
  if (needs.length === 0) return <span className="muted">Needs nothing besides</span>;
  return (
    <span className="template-needs">
      <span className="spoken">Needs: </span>
      {needs.map(({ kind, name }) => {
        const { word, icon: Icon } = needWords(kind);
        return (
          <span className="tag with-icon" key={`${kind} ${name}`} title={`${word} ${name}`}>
            <Icon size={12} aria-hidden="true" />
            <PlainText most={100}>{name}</PlainText>
          </span>
        );
      })}
    </span>
  );
}
