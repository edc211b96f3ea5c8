/** What becomes of a draft: it is published, or it is discarded. Each says first what it would do. */
import { useState } from "react";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct, useCall } from "../../../api/queries.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { withReason } from "../../cli-line.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { Loading } from "../../loading.tsx";
import { EnvironmentField } from "../environment-field.tsx";
import { ENVIRONMENT_NAME } from "../environments.ts";
import { VersionChanges } from "../version-changes.tsx";
import { type DraftSession, type DraftView, NotSaved } from "./draft-session.ts";
import { useDraftView } from "./use-draft.ts";

interface Props {
  readonly definition: WorkflowDefinition;
  readonly session: DraftSession;
}

export function PublishDraft({
  definition,
  session,
  latestVersion,
  onPublished,
}: Props & { readonly latestVersion: number; readonly onPublished: (version: number) => void }) {
  const { id, name } = definition;
  const [isOpen, setOpen] = useState(false);
  const [environment, setEnvironment] = useState("production");
  const view = useDraftView(session);
  const hasFaults = view.faultCount > 0;
  const publish = useAct(
    async ({ sources }, note: string) => {
      if (!(await session.flush())) throw new NotSaved();
      const { etag } = session.view();
      return sources.publishDraft({ definitionId: id, etag, note, deployTo: environment });
    },
    ({ version }) => onPublished(version?.version ?? 0),
  );
  const change = (next: boolean) => {
    setOpen(next);
    if (next) void session.flush();
  };
  return (
    <ActionDialog
      title="Publish the draft"
      trigger={
        <button type="button" className="primary">
          Publish
        </button>
      }
      reason="optional"
      reasonLabel="Note: why the version is made"
      isReady={!hasFaults && ENVIRONMENT_NAME.test(environment)}
      cli={(note) => [
        ...["drafts", "publish", name, "--to", environment],
        ...(note === "" ? [] : ["--note", note]),
      ]}
      act={(note) => publish.mutateAsync(note)}
      onOpenChange={change}
    >
      <EnvironmentField
        label="Deploy to"
        value={environment}
        about="Where the version starts runs from now on. Runs under way go on with theirs."
        onChange={setEnvironment}
      />
      {hasFaults ? (
        <p className="fault">The draft has faults. Mend them first: they are listed below it.</p>
      ) : (
        isOpen && <Preview definitionId={id} view={view} latestVersion={latestVersion} />
      )}
    </ActionDialog>
  );
}

/** What the draft changes, of the text that is saved. */
function Preview({
  definitionId,
  view: { etag, state },
  latestVersion,
}: {
  readonly definitionId: string;
  readonly view: DraftView;
  readonly latestVersion: number;
}) {
  const { data, error } = useCall(
    ["diff", definitionId, "draft", latestVersion, etag],
    ({ sources }, options) =>
      sources.diffVersions({ definitionId, from: latestVersion, toDraft: true }, options),
    { isEnabled: state === "saved" && latestVersion > 0, isKept: true },
  );
  if (latestVersion === 0) return <p className="muted">It becomes the first version.</p>;
  if (error) return <ErrorNote error={error} />;
  if (data === undefined) return <Loading rows={3} />;
  return (
    <>
      <h3>What it changes against version {data.from}</h3>
      <VersionChanges diff={data} />
    </>
  );
}

export function DiscardDraft({ definition: { id, name }, session }: Props) {
  const discard = useAct(({ sources }, reason: string) =>
    sources.discardDraft({ definitionId: id, etag: session.view().etag, reason }),
  );
  return (
    <ActionDialog
      title="Discard the draft"
      trigger={
        <button type="button" className="danger">
          Discard
        </button>
      }
      isDestructive
      reason="optional"
      cli={(reason) => withReason(["drafts", "discard", name], reason)}
      act={async (reason) => {
        if (!(await session.flush())) throw new NotSaved();
        await discard.mutateAsync(reason);
      }}
    >
      <p>Its text is lost. Published versions stay as they are.</p>
    </ActionDialog>
  );
}
