/** Begins a draft where there is none: with the file of the newest version, or with an example. */
import type { GetVersionResponse } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { Empty } from "../../empty.tsx";
import { ErrorNote } from "../../error-note.tsx";

const SAVE = "workflows.ops.v1.Workflows/SaveDraft";

export function BeginDraft({
  definition,
  latestVersion,
}: {
  readonly definition: WorkflowDefinition;
  /** 0: none is published. */
  readonly latestVersion: number;
}) {
  const { may } = useRights();
  const begin = useAct(async ({ sources }, version: number | "empty") => {
    const { id: definitionId } = definition;
    const found =
      version === 0 || version === "empty"
        ? undefined
        : await sources.getVersion({ definitionId, version });
    const newText = version === "empty" ? emptyOf(definition.name) : exampleOf(definition.name);
    const sourceText = found === undefined ? newText : await textOf(found, definition);
    const layout = found?.layout === undefined ? {} : { layout: found.layout };
    return sources.saveDraft({ definitionId, sourceText, ...layout, autosave: true });
  });
  const isNew = latestVersion === 0;
  return (
    <Empty
      title="There is no draft"
      hint={
        isNew
          ? "A draft is saved as you type. What is in it runs after it was published."
          : "A draft is saved as you type, and changes nothing that runs until it is published."
      }
      cli={["drafts", "save", definition.name, `${definition.name}.workflow.yaml`]}
    >
      {may(SAVE) && (
        <button
          type="button"
          className="primary"
          disabled={begin.isPending}
          onClick={() => begin.mutate(latestVersion)}
        >
          {isNew ? "Begin with an example" : `Begin with version ${latestVersion}`}
        </button>
      )}
      {may(SAVE) && isNew && (
        <button type="button" disabled={begin.isPending} onClick={() => begin.mutate("empty")}>
          Begin with an empty canvas
        </button>
      )}
      {begin.error && <ErrorNote error={begin.error} />}
    </Empty>
  );
}

/** A file that can be published as it is. */
function exampleOf(name: string): string {
  return `workflow: ${JSON.stringify(name)}
description: What this workflow is for
input: { request: string }
steps:
  review:
    task: Look at the request, and say what is to be done
`;
}

/** It has to get steps before it can be published. */
function emptyOf(name: string): string {
  return `workflow: ${JSON.stringify(name)}\nsteps: {}\n`;
}

/** The file of a version; it is written where the version has none. */
async function textOf(
  version: GetVersionResponse,
  definition: WorkflowDefinition,
): Promise<string> {
  if (version.sourceText !== "") return version.sourceText;
  const { textOfVersion } = await import("./text-of-version.ts");
  return textOfVersion(version, definition);
}
