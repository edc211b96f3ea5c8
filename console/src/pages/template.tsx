/** One template: what it does and needs, its parameters as a form, its file, and Install. */
import type { JsonObject } from "@bufbuild/protobuf";
import { Download } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Template } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { WorkflowsError } from "../../../src/client/errors.ts";
import { useApi } from "../api/api.tsx";
import { useAct, useCall } from "../api/queries.ts";
import { useRights } from "../api/rights.ts";
import { Badge } from "../parts/badge.tsx";
import { CliLine } from "../parts/cli-line.tsx";
import { CopyButton, CopyId } from "../parts/copy.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { Field } from "../parts/forms/field.tsx";
import { type Filled, fieldsOf, resultOf } from "../parts/forms/form-model.ts";
import { Loading } from "../parts/loading.tsx";
import { needWords } from "../parts/need-words.ts";
import { PageHead } from "../parts/page-head.tsx";
import { PlainText } from "../parts/plain-text.tsx";
import { visibleText } from "../parts/visible-text.ts";
import { paths } from "../paths.ts";
import "../styles/templates.css";
import "../styles/workflows.css";

/** The workspace may save its own template again. */
const STALE_MS = 60_000;
const INSTALL = "workflows.ops.v1.Templates/Install";

export default function TemplatePage({ id }: { readonly id: string }) {
  const { workspaceId } = useApi();
  const found = useCall(
    ["template", workspaceId, id],
    ({ templates }, options) => templates.get({ id, workspaceId }, options),
    { staleMs: STALE_MS },
  );
  const template = found.data?.template;
  if (template === undefined) {
    return (
      <>
        <PageHead title="Template" />
        {found.isPending ? <Loading /> : <ErrorNote error={found.error} onRetry={found.refetch} />}
      </>
    );
  }
  const { title, summary, category } = template;
  return (
    <>
      <PageHead
        title={visibleText(title)}
        aside={<CliLine args={["templates", "show", template.id]} />}
      >
        {category !== "" && (
          <Link className="tag" href={`${paths.templates}?${new URLSearchParams({ category })}`}>
            <PlainText most={200}>{category}</PlainText>
          </Link>
        )}
        <CopyId id={template.id} />
        <PlainText most={500}>{summary}</PlainText>
      </PageHead>
      <div className="template-columns">
        <Install key={template.id} template={template} />
        <div className="template-about">
          <Needs template={template} />
          <Scenarios template={template} />
          <Source template={template} />
        </div>
      </div>
    </>
  );
}

function Install({ template: { id, parameters } }: { readonly template: Template }) {
  const { may } = useRights();
  const { workspaceId } = useApi();
  const [, go] = useLocation();
  const fields = fieldsOf(parameters) ?? [];
  const [filled, setFilled] = useState<Filled>({});
  const [name, setName] = useState(id);
  const [note, setNote] = useState("");
  const [isTried, setIsTried] = useState(false);
  const ids = { name: useId(), note: useId() };
  const result = resultOf(fields, filled);
  const install = useAct(
    ({ templates }, given: JsonObject) =>
      templates.install({ workspaceId, templateId: id, parameters: given, name, note }),
    ({ definition }) => go(paths.workflow(definition?.id ?? "")),
  );
  const refused = refusedFields(install.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsTried(true);
    if (result.faults.size === 0 && name.trim() !== "") install.mutate(result.output);
  };
  const set = Object.entries(result.output).flatMap(([parameter, value]) =>
    filled[parameter] === undefined ? [] : ["--set", `${parameter}=${valueText(value)}`],
  );
  return (
    <form className="card card-body action" aria-label="Install" onSubmit={submit} noValidate>
      <h2>Install it</h2>
      <div className="field">
        <label htmlFor={ids.name}>Name of the workflow</label>
        <input
          id={ids.name}
          value={name}
          required
          autoComplete="off"
          onChange={({ target }) => setName(target.value)}
        />
      </div>
      {fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          text={filled[field.name] ?? field.first}
          fault={(isTried && result.faults.get(field.name)) || refused.get(field.name) || ""}
          onChange={(text) => setFilled({ ...filled, [field.name]: text })}
        />
      ))}
      <div className="field">
        <label htmlFor={ids.note}>
          Note <span className="muted">(optional)</span>
        </label>
        <input
          id={ids.note}
          value={note}
          autoComplete="off"
          onChange={({ target }) => setNote(target.value)}
        />
      </div>
      {install.error && refused.size === 0 && <ErrorNote error={install.error} />}
      <CliLine
        args={[
          ...["templates", "install", id],
          ...(name === id ? [] : ["--name", name]),
          ...set,
          ...(note === "" ? [] : ["--note", note]),
        ]}
      />
      {may(INSTALL) ? (
        <footer className="dialog-foot">
          <button type="submit" className="primary" disabled={install.isPending}>
            <Download size={16} aria-hidden="true" />
            Install
          </button>
        </footer>
      ) : (
        <p className="muted">You may look at templates, and install none.</p>
      )}
    </form>
  );
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Faults that the service found, by parameter. */
function refusedFields(error: unknown): Map<string, string> {
  const faults = new Map<string, string>();
  if (!(error instanceof WorkflowsError)) return faults;
  for (const { field, description } of error.fields) {
    const [, name] = /^parameters\.([^.[]+)/.exec(field) ?? [];
    if (name !== undefined) faults.set(name, description);
  }
  return faults;
}

function Needs({ template: { needs } }: { readonly template: Template }) {
  return (
    <section className="card" aria-label="What it needs">
      <div className="card-head">
        <h2>What it needs</h2>
      </div>
      {needs.length === 0 ? (
        <p className="card-body">Nothing besides the service.</p>
      ) : (
        <ul className="card-body branches">
          {needs.map(({ kind, name, purpose }) => {
            const { word, icon: Icon } = needWords(kind);
            return (
              <li key={`${kind} ${name}`} className="with-icon template-need">
                <Icon size={15} aria-hidden="true" />
                <span>
                  {word}{" "}
                  <code>
                    <PlainText most={200}>{name}</PlainText>
                  </code>
                  <span className="muted">
                    : <PlainText most={500}>{purpose}</PlainText>
                  </span>
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

const OUTCOME = /^RUN_OUTCOME_/;

function Scenarios({ template: { scenarios } }: { readonly template: Template }) {
  if (scenarios.length === 0) return null;
  return (
    <section className="card" aria-label="What happens">
      <div className="card-head">
        <h2>What happens</h2>
      </div>
      <ul className="card-body branches">
        {scenarios.map(({ name, path, outcome }) => (
          <li key={name}>
            <strong>
              <PlainText most={300}>{name}</PlainText>
            </strong>
            <Badge tone={outcome.endsWith("SUCCEEDED") ? "ok" : "warn"}>
              {outcome.replace(OUTCOME, "").toLowerCase().replaceAll("_", " ")}
            </Badge>
            <span className="muted template-path">
              <PlainText most={1_000}>{path.join(" → ")}</PlainText>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Source({ template: { sourceText } }: { readonly template: Template }) {
  return (
    <section aria-label="The file">
      <div className="version-row">
        <h2>The file</h2>
        <span className="muted">
          <code>$(name)</code> stands for a parameter
        </span>
        <CopyButton text={sourceText} what="the file" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard */}
      <pre className="source" tabIndex={0}>
        <bdi>{visibleText(sourceText)}</bdi>
      </pre>
    </section>
  );
}
