/** The draft of a workflow: its text with faults at their lines, saved by itself; and what becomes of it. */
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { Link } from "wouter";
import type { GetDraftResponse } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useCall } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { paths } from "../../../paths.ts";
import { CliLine } from "../../cli-line.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { Loading } from "../../loading.tsx";
import { useSearchParam } from "../../search-param.ts";
import { startTexts } from "../designer/text-worker.ts";
import { BeginDraft } from "./begin-draft.tsx";
import type { DraftSession } from "./draft-session.ts";
import type { EditorPlace } from "./editor.tsx";
import { MeetOther } from "./meet-other.tsx";
import { NoteList, notesOf } from "./notes.tsx";
import { DiscardDraft, PublishDraft } from "./publish.tsx";
import { SaveNote } from "./save-note.tsx";
import { useDraftSession, useDraftView } from "./use-draft.ts";
import { WorstCaseNote } from "./worst-case.tsx";
import "./draft.css";

const SERVICE = "workflows.ops.v1.Workflows";
const EVERY_MS = 10_000;

const Editor = lazy(async () => ({ default: (await import("./editor.tsx")).Editor }));
const DesignerView = lazy(async () => ({
  default: (await import("../designer/designer.tsx")).DesignerView,
}));

export function DraftTab({
  definition,
  newest,
  onPublished,
}: {
  readonly definition: WorkflowDefinition;
  /** The newest version; 0: none is published. */
  readonly newest: number;
  readonly onPublished: (version: number) => void;
}) {
  const { id } = definition;
  const [shown] = useSearchParam("view");
  const isText = shown === "text";
  useEffect(() => {
    if (!isText) startTexts();
  }, [isText]);
  const found = useCall(
    ["draft", id],
    ({ sources }, options) => sources.getDraft({ definitionId: id }, options),
    { everyMs: EVERY_MS },
  );
  const session = useDraftSession(id, found.data);
  const { data } = found;
  if (data === undefined) {
    return found.isPending ? (
      <Loading rows={8} />
    ) : (
      <ErrorNote error={found.error} onRetry={found.refetch} />
    );
  }
  if (session === undefined) {
    const isNone = data.draft === undefined;
    return isNone ? (
      <BeginDraft definition={definition} latestVersion={newest} />
    ) : (
      <Loading rows={8} />
    );
  }
  return (
    <OpenDraft
      definition={definition}
      session={session}
      answer={data}
      newest={newest}
      onPublished={onPublished}
    />
  );
}

function OpenDraft({
  definition,
  session,
  answer,
  newest,
  onPublished,
}: {
  readonly definition: WorkflowDefinition;
  readonly session: DraftSession;
  readonly answer: GetDraftResponse;
  readonly newest: number;
  readonly onPublished: (version: number) => void;
}) {
  const { may } = useRights();
  const view = useDraftView(session);
  const [place, setPlace] = useState<EditorPlace>();
  const [shown, setShown] = useSearchParam("view");
  const isText = shown === "text";
  const isReadOnly = !may(`${SERVICE}/SaveDraft`);
  const { faults, warnings, faultCount } = view;
  const notes = useMemo(() => notesOf(faults, warnings), [faults, warnings]);
  const base = answer.draft?.baseVersion ?? 0;
  const mayPublish = may(`${SERVICE}/PublishDraft`);
  return (
    <section aria-label="Draft" className="draft">
      <div className="draft-bar">
        <SaveNote session={session} view={view} />
        <span className="draft-actions">
          <button
            type="button"
            aria-pressed={!isText}
            className="chip"
            data-tone="info"
            onClick={() => setShown(isText ? "" : "text")}
          >
            Designer
          </button>
          <Link className="button" href={paths.workflowTab(definition.id, "simulate", DRAFT)}>
            Simulate
          </Link>
          {may(`${SERVICE}/DiscardDraft`) && (
            <DiscardDraft definition={definition} session={session} />
          )}
          {mayPublish && (
            <PublishDraft
              definition={definition}
              session={session}
              latestVersion={newest}
              onPublished={onPublished}
            />
          )}
        </span>
      </div>
      {newest > base && base > 0 && (
        <p className="draft-behind" data-tone="warn">
          The draft was begun from version {base}, and version {newest} has been published since.
          What it changed may not be in the draft.{" "}
          <Link href={paths.comparison(definition.id, base, newest)}>Compare the two versions</Link>
        </p>
      )}
      {view.theirs !== undefined && (
        <MeetOther session={session} view={view} theirs={view.theirs} />
      )}
      <Suspense fallback={<Loading rows={12} />}>
        {isText ? (
          <Editor
            text={view.text}
            label="The workflow file"
            notes={notes}
            place={place}
            isReadOnly={isReadOnly}
            onType={(text) => session.type(text)}
          />
        ) : (
          <DesignerView
            definition={definition}
            session={session}
            view={view}
            isReadOnly={isReadOnly}
            place={place}
            onPlace={setPlace}
          />
        )}
      </Suspense>
      <NoteList {...{ faults, warnings, faultCount }} onGo={setPlace} />
      <WorstCaseNote worstCase={view.worstCase} />
      <div className="below">
        <CliLine args={["drafts", "get", definition.name]} />
      </div>
    </section>
  );
}

const DRAFT = { of: "draft" } as const;
