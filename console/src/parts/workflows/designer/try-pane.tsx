/** Plays the text on a virtual clock: the path is lit on the canvas, and what each step answers can be chosen. Nothing is stored. */
import type { JsonObject } from "@bufbuild/protobuf";
import { FlaskConical } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import type { Simulation } from "../../../../../gen/workflows/ops/v1/simulations_pb.ts";
import { useCall } from "../../../api/queries.ts";
import { ErrorNote } from "../../error-note.tsx";
import { Loading } from "../../loading.tsx";
import { PlainText } from "../../plain-text.tsx";
import { StepState } from "../../state-badge.tsx";
import { graphFactsOf, LINK_STATES } from "../simulate/graph-facts.ts";
import { End, PARTIES, WhatIf } from "../simulate/simulation-view.tsx";
import {
  type Answer,
  type Answers,
  mocksOf,
  readAnswers,
  withAnswer,
} from "../simulate/what-if.ts";
import { sampleOf } from "../triggers/curl.ts";
import { useInput } from "../use-input.tsx";
import type { Lights } from "./flow.ts";
import type { Picture } from "./text/picture.ts";
import { keyOfWire } from "./wires.ts";
import "../simulate/simulate.css";

const MOST_SHOWN = 200;

interface Props {
  readonly text: string;
  readonly picture: Picture;
  readonly onLights: (lights: Lights) => void;
}

export function TryPane(props: Props) {
  const { inputSchema } = props.picture;
  return <Play key={JSON.stringify(inputSchema)} {...props} schema={objectOf(inputSchema)} />;
}

function Play({
  text,
  picture,
  onLights,
  schema,
}: Props & { readonly schema: JsonObject | undefined }) {
  const { input, isReady, editor } = useInput(schema, sampleOf(schema));
  const [asked, setAsked] = useState<{ text: string; input: JsonObject }>();
  const [answers, setAnswers] = useState<Answers>({});
  const request = { sourceText: asked?.text ?? "", mocks: mocksOf(answers) };
  const answered = useCall(
    ["simulate", request, asked?.input],
    ({ runs }, options) => runs.simulate({ ...request, input: asked?.input ?? {} }, options),
    { isEnabled: asked !== undefined, staleMs: Number.POSITIVE_INFINITY, isKept: true },
  );
  const simulation = asked === undefined ? undefined : answered.data?.simulation;
  const isOld = asked !== undefined && asked.text !== text;
  const lights = useMemo(
    () => (simulation === undefined || isOld ? {} : lightsOf(simulation)),
    [simulation, isOld],
  );
  useEffect(() => onLights(lights), [lights, onLights]);
  useEffect(() => () => onLights({}), [onLights]);
  const hasFaults = picture.notes.some(({ isWarning }) => !isWarning);
  return (
    <div className="design-form simulate">
      <form
        className="simulate-input"
        aria-label="Input of the simulation"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && input !== undefined) setAsked({ text, input });
        }}
      >
        {editor}
        <div className="simulate-foot">
          <button type="submit" className="primary" disabled={!isReady || hasFaults}>
            <FlaskConical size={16} aria-hidden />
            {asked === undefined ? "Play it" : "Play it again"}
          </button>
          <span className="muted">
            {hasFaults
              ? "Mend the faults first."
              : isOld
                ? "The draft has changed since it was played."
                : "Nothing is stored, and nobody is called."}
          </span>
        </div>
      </form>
      {asked !== undefined &&
        (answered.error ? (
          <ErrorNote error={answered.error} onRetry={answered.refetch} />
        ) : simulation === undefined ? (
          <Loading rows={6} />
        ) : (
          <Played
            simulation={simulation}
            answers={answers}
            onAnswer={(step, answer) => setAnswers(readAnswers(withAnswer(answers, step, answer)))}
          />
        ))}
    </div>
  );
}

/** Of several paths between two steps each has its own. */
function lightsOf(simulation: Simulation): Lights {
  const linkStates = simulation.edges.map(({ fromStepId, toStepId, label, state }) => {
    const wire = { from: fromStepId, to: toStepId, label };
    return [keyOfWire(wire), LINK_STATES[state] ?? "open"] as const;
  });
  return { facts: graphFactsOf(simulation).facts, linkStates: new Map(linkStates) };
}

/** Who answered each step and how, and what else they could answer. */
function Played({
  simulation,
  answers,
  onAnswer,
}: {
  readonly simulation: Simulation;
  readonly answers: Answers;
  readonly onAnswer: (step: string, answer: Answer | undefined) => void;
}) {
  const { path, waits, problems } = simulation;
  return (
    <>
      <End simulation={simulation} />
      <ol className="played" aria-label="Path">
        {path
          .slice(0, MOST_SHOWN)
          .map(({ stepId, attempt, isUndo, party, state, outcome, errorMessage }) => (
            <li key={`${stepId} ${attempt} ${isUndo}`}>
              <strong>
                <PlainText most={100}>{stepId}</PlainText>
              </strong>
              <StepState state={state} />
              <span className="muted">
                {[
                  PARTIES[party],
                  outcome,
                  attempt > 1 && `try ${attempt}`,
                  isUndo && "undo",
                  errorMessage,
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </span>
              <WhatIf step={stepId} party={party} answer={answers[stepId]} onAnswer={onAnswer} />
            </li>
          ))}
        {waits.map(({ stepId, sentence }) => (
          <li key={`waits ${stepId}`}>
            <strong>
              <PlainText most={100}>{stepId}</PlainText>
            </strong>
            <span className="muted">
              <PlainText most={300}>{sentence}</PlainText>
            </span>
          </li>
        ))}
      </ol>
      {problems.map((problem) => (
        <p className="fault" key={problem}>
          <PlainText most={300}>{problem}</PlainText>
        </p>
      ))}
    </>
  );
}

function objectOf(value: unknown): JsonObject | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : undefined;
}
