/** Starts a run: its input as a form where the version has a schema for one, else as JSON. */
import type { JsonObject } from "@bufbuild/protobuf";
import { useLocation } from "wouter";
import type { GetVersionResponse } from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct } from "../../api/queries.ts";
import { paths } from "../../paths.ts";
import { CliLine } from "../cli-line.tsx";
import { Dialog, DialogClose } from "../dialog.tsx";
import { ErrorNote } from "../error-note.tsx";
import { useInput } from "./use-input.tsx";

export interface StartDialogProps {
  readonly definition: WorkflowDefinition;
  /** Which version runs. */
  readonly version: GetVersionResponse;
  /** Of the run that it is started like. */
  readonly input: JsonObject | undefined;
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
}

export function StartDialog(props: StartDialogProps) {
  const { definition, version, isOpen, onOpenChange } = props;
  return (
    <Dialog
      title={`Start ${definition.name}`}
      description={`Version ${version.version?.version ?? 0} runs.`}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      <StartForm {...props} />
    </Dialog>
  );
}

/** What was typed is gone when the dialog is opened again. */
function StartForm({ definition, version, input: first = {} }: StartDialogProps) {
  const [, go] = useLocation();
  const { input: sent, isReady, editor } = useInput(version.inputSchema, first);
  const start = useAct(
    ({ workflows }, inputPayload: JsonObject) =>
      workflows.startRun({
        definitionId: definition.id,
        workspaceId: definition.workspaceId,
        definitionVersion: version.version?.version ?? 0,
        inputPayload,
      }),
    ({ run }) => go(paths.run(run?.id ?? "")),
  );
  const number = version.version?.version ?? 0;
  const versionArgs = number === definition.latestVersion ? [] : ["--version", String(number)];
  return (
    <form
      className="action"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && sent !== undefined && !start.isPending) start.mutate(sent);
      }}
    >
      {editor}
      {start.error && <ErrorNote error={start.error} />}
      <CliLine
        args={["start", definition.name, ...versionArgs, "--input", JSON.stringify(sent ?? {})]}
      />
      <footer className="dialog-foot">
        <DialogClose>Close</DialogClose>
        <button type="submit" className="primary" disabled={!isReady || start.isPending}>
          Start the run
        </button>
      </footer>
    </form>
  );
}
