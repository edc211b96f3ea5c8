/** Plays a version or the draft on a virtual clock: nothing is stored, and nobody is called. What is asked is in the address. */
import type { JsonObject } from "@bufbuild/protobuf";
import { FlaskConical } from "lucide-react";
import { useSearchParams } from "wouter";
import type {
  GetVersionResponse,
  VersionHead,
} from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useCall } from "../../../api/queries.ts";
import { CliLine } from "../../cli-line.tsx";
import { Empty } from "../../empty.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { parseObject } from "../../forms/form-model.ts";
import { Loading } from "../../loading.tsx";
import type { Compiled } from "../draft/compiled.ts";
import { useCompiled } from "../draft/use-compiled.ts";
import { sampleOf } from "../triggers/curl.ts";
import { useInput } from "../use-input.tsx";
import { useVersion } from "../use-version.ts";
import { SimulationView } from "./simulation-view.tsx";
import { type Answer, mockArgs, mocksOf, readAnswers, withAnswer } from "./what-if.ts";
import "./simulate.css";

const DRAFT = "draft";

/** `heads`: the versions, newest first; none: there is the draft alone. */
export function SimulateTab({
  definition,
  heads,
}: {
  readonly definition: WorkflowDefinition;
  readonly heads: readonly VersionHead[];
}) {
  const [params, setParams] = useSearchParams();
  const { id, latestVersion } = definition;
  const newest = heads[0]?.version ?? 0;
  const asked = params.get("of") ?? "";
  const isDraft = asked === DRAFT || newest === 0;
  const number = /^[1-9]\d{0,8}$/.test(asked) ? Number(asked) : latestVersion || newest;
  const draft = useCall(
    ["draft", id],
    ({ sources }, options) => sources.getDraft({ definitionId: id }, options),
    { isEnabled: isDraft },
  );
  const version = useVersion(id, isDraft ? 0 : number);
  const set = (change: Readonly<Record<string, string>>) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        for (const [name, value] of Object.entries(change)) {
          if (value === "") next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  const sourceText = draft.data?.draft?.sourceText;
  const compiled = useCompiled(isDraft ? sourceText : undefined);
  const waits = isDraft
    ? draft.data === undefined || (sourceText !== undefined && compiled === undefined)
    : version.data === undefined;
  const error = (isDraft ? draft.error : null) ?? version.error;
  return (
    <section aria-label="Simulation" className="simulate">
      <div className="version-row">
        <label className="with-icon">
          Play
          <select
            value={isDraft ? DRAFT : String(number)}
            onChange={({ target }) => set({ of: target.value, what: "" })}
          >
            <option value={DRAFT}>the draft</option>
            {heads.map((head) => (
              <option key={head.version} value={head.version}>
                version {head.version}
              </option>
            ))}
          </select>
        </label>
        <span className="muted">Nothing is stored, and nobody is called.</span>
      </div>
      {error ? (
        <ErrorNote error={error} />
      ) : waits ? (
        <Loading rows={6} />
      ) : isDraft && sourceText === undefined ? (
        <Empty title="There is no draft to play" hint="Begin one, or play a version." />
      ) : (
        <Play
          key={isDraft ? DRAFT : number}
          definition={definition}
          played={isDraft ? compiled : playedOf(version.data)}
          sourceText={isDraft ? sourceText : undefined}
          number={number}
          params={params}
          onSet={set}
        />
      )}
    </section>
  );
}

function playedOf(version: GetVersionResponse | undefined): Compiled | undefined {
  return version && { version: version.version, inputSchema: version.inputSchema };
}

function Play({
  definition,
  played,
  sourceText,
  number,
  params,
  onSet,
}: {
  readonly definition: WorkflowDefinition;
  /** What is drawn, and the form of the input. */
  readonly played: Compiled | undefined;
  /** Of the draft; undefined: the version is played. */
  readonly sourceText: string | undefined;
  readonly number: number;
  readonly params: URLSearchParams;
  readonly onSet: (change: Readonly<Record<string, string>>) => void;
}) {
  const schema = played?.inputSchema;
  const given = parseObject(params.get("input") ?? "");
  const answers = readAnswers(params.get("what") ?? "");
  const { input, isReady, editor } = useInput(schema, given ?? sampleOf(schema));
  const request = {
    ...(sourceText === undefined
      ? { definitionId: definition.id, version: number }
      : { sourceText }),
    mocks: mocksOf(answers),
  };
  const answered = useCall(
    ["simulate", request, given],
    ({ runs }, options) => runs.simulate({ ...request, input: given ?? {} }, options),
    { isEnabled: given !== undefined, staleMs: Number.POSITIVE_INFINITY, isKept: true },
  );
  const answer = (step: string, next: Answer | undefined) =>
    onSet({ what: withAnswer(answers, step, next) });
  const simulation = given === undefined ? undefined : answered.data?.simulation;
  return (
    <>
      <form
        className="card card-body simulate-input"
        aria-label="Input of the simulation"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && input !== undefined) onSet({ input: JSON.stringify(input) });
        }}
      >
        {editor}
        <div className="simulate-foot">
          <button type="submit" className="primary" disabled={!isReady}>
            <FlaskConical size={16} aria-hidden="true" />
            Simulate
          </button>
          <CliLine args={commandOf(definition.name, input ?? {}, mockArgs(answers))} />
        </div>
      </form>
      {given !== undefined &&
        (answered.error ? (
          <ErrorNote error={answered.error} onRetry={answered.refetch} />
        ) : simulation === undefined ? (
          <Loading rows={6} />
        ) : (
          <SimulationView
            simulation={simulation}
            definitionId={definition.id}
            version={played?.version}
            answers={answers}
            onAnswer={answer}
          />
        ))}
    </>
  );
}

function commandOf(name: string, input: JsonObject, more: readonly string[]): string[] {
  return ["simulate", `${name}.workflow.yaml`, "--input", JSON.stringify(input), ...more];
}
