/** What would happen: the end, the graph, the path with who answers what, which branches are taken and why, and the waits. */
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { useMemo } from "react";
import { RunOutcome } from "../../../../../gen/workflows/ops/v1/runs_pb.ts";
import {
  type SimulatedAttempt,
  type SimulatedEdge,
  SimulatedEdgeState,
  type Simulation,
  SimulationEnd,
} from "../../../../../gen/workflows/ops/v1/simulations_pb.ts";
import type { WorkflowVersion } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { nameOfValue } from "../../../api/names.ts";
import { lengthWords } from "../../../api/times.ts";
import { Badge } from "../../badge.tsx";
import { JsonView } from "../../json-view.tsx";
import { costWords } from "../../money.ts";
import { PlainText } from "../../plain-text.tsx";
import { RunState, StepState } from "../../state-badge.tsx";
import { type Column, Table } from "../../table.tsx";
import { VersionGraph } from "../draft/draft-graph.tsx";
import { OutcomeBadge } from "../metrics.tsx";
import { graphFactsOf } from "./graph-facts.ts";
import { type Answer, type Answers, answerNamed, answersFor, answerWord } from "./what-if.ts";

const ATTEMPTS_SHOWN = 200;

interface Props {
  readonly simulation: Simulation;
  readonly definitionId: string;
  /** What is drawn; undefined: there is no picture. */
  readonly version: WorkflowVersion | undefined;
  readonly answers: Answers;
  readonly onAnswer: (step: string, answer: Answer | undefined) => void;
}

export function SimulationView({ simulation, definitionId, version, answers, onAnswer }: Props) {
  const { path, edges, waits, problems, unusedMockStepIds, startedAt } = simulation;
  return (
    <>
      <End simulation={simulation} />
      {version !== undefined && (
        <Picture simulation={simulation} definitionId={definitionId} version={version} />
      )}
      <section className="card" aria-label="Path">
        <div className="card-head">
          <h2>Path</h2>
        </div>
        <Path path={path} startedAt={startedAt} answers={answers} onAnswer={onAnswer} />
      </section>
      <Branches edges={edges} />
      {waits.length > 0 && (
        <List title="What it waits for">
          {waits.map(({ stepId, sentence }) => [stepId, sentence])}
        </List>
      )}
      {problems.length > 0 && (
        <List title="What went wrong in expressions">
          {problems.map((problem) => ["", problem])}
        </List>
      )}
      {unusedMockStepIds.length > 0 && (
        <p className="muted">Never asked: {unusedMockStepIds.join(", ")}</p>
      )}
    </>
  );
}

/** How it ends. */
export function End({ simulation }: { readonly simulation: Simulation }) {
  const { end, sentence, state, outcome, startedAt, endedAt, totalCostUsd, output } = simulation;
  const took = startedAt && endedAt && timestampMs(endedAt) - timestampMs(startedAt);
  const known = outcomeNamed(outcome);
  return (
    <section className="card card-body simulate-end" role="status" aria-label="How it ends">
      <p className="simulate-facts">
        {known === undefined ? <RunState state={state} /> : <OutcomeBadge outcome={known} />}
        {took !== undefined && <span>after {lengthWords(took)}</span>}
        <span>cost {costWords(totalCostUsd)}</span>
        {end === SimulationEnd.LIMIT && <Badge tone="warn">cut off</Badge>}
      </p>
      <p>
        <PlainText most={1_000}>{sentence}</PlainText>
      </p>
      {output !== undefined && (
        <details>
          <summary>Output</summary>
          <JsonView value={output} label="Output" />
        </details>
      )}
    </section>
  );
}

/** Of `RUN_OUTCOME_SUCCEEDED`; undefined: the run has not ended. */
function outcomeNamed(name: string): RunOutcome | undefined {
  const word = name.replace(/^RUN_OUTCOME_/, "");
  return OUTCOMES.find((outcome) => nameOfValue(RunOutcome, outcome) === word);
}

const OUTCOMES: readonly RunOutcome[] = Object.values(RunOutcome).filter((value) => value !== 0);

function Picture({
  simulation,
  definitionId,
  version,
}: {
  readonly simulation: Simulation;
  readonly definitionId: string;
  readonly version: WorkflowVersion;
}) {
  const { facts, linkStates } = useMemo(() => graphFactsOf(simulation), [simulation]);
  return (
    <div className="compare-graph">
      <VersionGraph
        definitionId={definitionId}
        version={version}
        facts={facts}
        linkStates={linkStates}
      />
    </div>
  );
}

/** Who answers for a step, by the keys of SimulatedAttempt. */
export const PARTIES: Readonly<Record<string, string>> = {
  agent: "an agent",
  worker: "a worker",
  child: "another run",
  approver: "an approver",
  governance: "governance",
  event: "an event",
  person: "a person",
  notifier: "a notification",
  clock: "a time",
};

function Path({
  path,
  startedAt,
  answers,
  onAnswer,
}: Pick<Props, "answers" | "onAnswer"> & {
  readonly path: readonly SimulatedAttempt[];
  readonly startedAt: Timestamp | undefined;
}) {
  const startMs = startedAt === undefined ? 0 : timestampMs(startedAt);
  const columns: Column<SimulatedAttempt>[] = [
    {
      title: "Step",
      cell: ({ stepId, attempt, isUndo }) => (
        <>
          <strong>
            <PlainText most={200}>{stepId}</PlainText>
          </strong>
          {attempt > 1 && <span className="muted"> try {attempt}</span>}
          {isUndo && <span className="muted"> undo</span>}
        </>
      ),
    },
    { title: "Answered by", cell: ({ party }) => PARTIES[party] ?? "" },
    {
      title: "Begins after",
      cell: ({ startedAt: at }) => (at === undefined ? "" : lengthWords(timestampMs(at) - startMs)),
      isNumber: true,
    },
    {
      title: "Takes",
      cell: ({ startedAt: from, endedAt: to }) =>
        from && to ? lengthWords(timestampMs(to) - timestampMs(from)) : "open",
      isNumber: true,
    },
    { title: "Ends", cell: (attempt) => <Ended attempt={attempt} /> },
    { title: "Cost", cell: ({ costUsd }) => costWords(costUsd), isNumber: true },
    {
      title: "What if",
      cell: ({ stepId, party }) => (
        <WhatIf step={stepId} party={party} answer={answers[stepId]} onAnswer={onAnswer} />
      ),
    },
  ];
  return (
    <>
      <Table
        label="Attempts"
        columns={columns}
        rows={path.slice(0, ATTEMPTS_SHOWN)}
        keyOf={({ stepId, attempt, isUndo }) => `${stepId} ${attempt} ${isUndo}`}
      />
      {path.length > ATTEMPTS_SHOWN && (
        <p className="muted card-body">And {path.length - ATTEMPTS_SHOWN} more.</p>
      )}
    </>
  );
}

function Ended({
  attempt: { state, outcome, errorMessage, assumed, output },
}: {
  readonly attempt: SimulatedAttempt;
}) {
  return (
    <span className="workflow-name">
      <span>
        <StepState state={state} /> {outcome}
      </span>
      {errorMessage !== "" && <PlainText most={300}>{errorMessage}</PlainText>}
      {assumed.map((words) => (
        <span className="muted" key={words}>
          <PlainText most={300}>{words}</PlainText>
        </span>
      ))}
      {output !== undefined && Object.keys(output).length > 0 && (
        <details>
          <summary>Output</summary>
          <JsonView value={output} label="Output" />
        </details>
      )}
    </span>
  );
}

/** The choice of what a step answers. */
export function WhatIf({
  step,
  party,
  answer,
  onAnswer,
}: {
  readonly step: string;
  readonly party: string;
  readonly answer: Answer | undefined;
  readonly onAnswer: Props["onAnswer"];
}) {
  const choices = answersFor(party);
  if (choices.length === 0) return null;
  return (
    <select
      aria-label={`What if: ${step}`}
      value={answer ?? ""}
      onChange={({ target }) => onAnswer(step, answerNamed(target.value))}
    >
      <option value="">as assumed</option>
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {answerWord(choice)}
        </option>
      ))}
    </select>
  );
}

const { TAKEN, DEAD } = SimulatedEdgeState;

/** Those of which something can be said: what was not decided has no reason. */
function Branches({ edges }: { readonly edges: readonly SimulatedEdge[] }) {
  const told = edges.filter(
    ({ state, reason }) => reason !== "" && (state === TAKEN || state === DEAD),
  );
  if (told.length === 0) return null;
  return (
    <section className="card" aria-label="Branches">
      <div className="card-head">
        <h2>Which way, and why</h2>
      </div>
      <ul className="card-body branches">
        {told.map(({ fromStepId, toStepId, label, conditionExpr, state, reason }) => (
          <li key={`${fromStepId} ${toStepId} ${label} ${conditionExpr}`}>
            <Badge tone={state === TAKEN ? "ok" : "idle"}>
              {state === TAKEN ? "taken" : "not taken"}
            </Badge>
            <span>
              <PlainText most={300}>{`${fromStepId} → ${toStepId}`}</PlainText>
              {label !== "" && (
                <span className="muted">
                  {" "}
                  <PlainText most={200}>{label}</PlainText>
                </span>
              )}
            </span>
            <span className="muted">
              <PlainText most={500}>{reason}</PlainText>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function List({
  title,
  children,
}: {
  readonly title: string;
  readonly children: readonly (readonly [step: string, words: string])[];
}) {
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">
        <h2>{title}</h2>
      </div>
      <ul className="card-body branches">
        {children.map(([step, words]) => (
          <li key={`${step} ${words}`}>
            {step !== "" && (
              <strong>
                <PlainText most={200}>{step}</PlainText>
              </strong>
            )}
            <span>
              <PlainText most={500}>{words}</PlainText>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
