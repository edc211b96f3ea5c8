/** The versions of a workflow, and the file of one. */
import { Link } from "wouter";
import type {
  GetVersionResponse,
  VersionHead,
} from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { actorWords, throughWords } from "../../api/names.ts";
import { paths } from "../../paths.ts";
import { CliLine } from "../cli-line.tsx";
import { CopyButton } from "../copy.tsx";
import { Empty } from "../empty.tsx";
import { PlainText } from "../plain-text.tsx";
import { RelativeTime } from "../relative-time.tsx";
import { useSearchParam } from "../search-param.ts";
import { type Column, Table } from "../table.tsx";
import { visibleText } from "../visible-text.ts";
import { Trigger } from "./trigger.tsx";

export function Versions({
  definition: { id, name },
  heads,
}: {
  readonly definition: WorkflowDefinition;
  readonly heads: readonly VersionHead[];
}) {
  const [, choose] = useSearchParam("version");
  const newest = heads[0]?.version ?? 0;
  const columns: Column<VersionHead>[] = [
    {
      title: "Version",
      cell: ({ version }) => (
        <button type="button" className="quiet" onClick={() => choose(String(version))}>
          {version}
        </button>
      ),
    },
    { title: "Published", cell: ({ createdAt }) => <RelativeTime at={createdAt} /> },
    {
      title: "By",
      cell: ({ publishedBy, publishedVia, author }) => (
        <>
          <PlainText most={200}>{actorWords(publishedBy || author)}</PlainText>
          {throughWords(publishedVia)}
        </>
      ),
    },
    { title: "Note", cell: ({ note }) => <PlainText most={500}>{note}</PlainText> },
    { title: "Started by", cell: ({ triggerType }) => <Trigger type={triggerType} /> },
    {
      title: "Changes",
      cell: ({ version }) =>
        version > 1 && (
          <Link href={paths.comparison(id, version - 1, version)}>
            compare<span className="spoken"> version {version}</span> with {version - 1}
          </Link>
        ),
    },
  ];
  return (
    <>
      <Table
        label="Versions"
        columns={columns}
        rows={heads}
        keyOf={({ version }) => String(version)}
      />
      {newest > 1 && (
        <div className="below">
          <CliLine args={["diff", name, "--from", String(newest - 1)]} />
        </div>
      )}
    </>
  );
}

export function Source({
  name,
  version: { sourceText, version, digest },
}: {
  readonly name: string;
  readonly version: GetVersionResponse;
}) {
  const args = ["export", name, "--version", String(version?.version ?? 0)];
  if (sourceText === "") {
    return (
      <Empty
        title="This version was published without a file"
        hint="The service can write one:"
        cli={args}
      />
    );
  }
  return (
    <>
      <div className="version-row">
        <CliLine args={args} />
        <span className="with-icon muted">
          digest <code>{digest.slice(0, 12)}</code>
          <CopyButton text={digest} what="the digest" />
        </span>
        <span className="with-icon">
          Copy the file <CopyButton text={sourceText} what="the file" />
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard */}
      <pre className="source" tabIndex={0}>
        <bdi>{visibleText(sourceText)}</bdi>
      </pre>
    </>
  );
}
