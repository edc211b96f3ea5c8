/** One step of a run, beside its graph: how it stands, its attempts, its data, its child runs, and orders for it. */
import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import {
  ReasonCode,
  type RunNode,
  type WaitReason,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { type StepDefinition, StepType } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { lengthWords } from "../../api/times.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyId } from "../../parts/copy.tsx";
import { childrenOf } from "../../parts/graph/graph-model.ts";
import { stepLook, typeShown } from "../../parts/graph/step-words.ts";
import { costWords } from "../../parts/money.ts";
import { PlainText } from "../../parts/plain-text.tsx";
import { Duration, RelativeTime } from "../../parts/relative-time.tsx";
import { Sentence } from "../../parts/sentence.tsx";
import { RunState } from "../../parts/state-badge.tsx";
import { paths } from "../../paths.ts";
import { WhereTo } from "./explain.tsx";
import { causeWords } from "./move-words.ts";
import { Payload } from "./payload.tsx";
import { type Attempt, isFinalStep, type StepPicture } from "./run-picture.ts";
import { StepOrders } from "./step-orders.tsx";

const CHILDREN_AT_ONCE = 50;
const WAITS_SHOWN = 5;

interface Props {
  readonly runId: string;
  readonly step: StepDefinition;
  /** Undefined: it has not begun. */
  readonly picture: StepPicture | undefined;
  readonly waits: readonly WaitReason[];
  readonly childRuns: readonly RunNode[];
  /** Steps that this one undoes. */
  readonly undoes: readonly string[];
  readonly isRunOver: boolean;
  readonly onChoose: (stepId: string) => void;
  readonly onClose: () => void;
}

/** Takes the focus when another step is chosen, so that the keyboard goes on in it. */
export function StepDrawer(props: Props) {
  const { runId, step, picture, waits, isRunOver, onClose } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const { id } = step;
  // biome-ignore lint/correctness/useExhaustiveDependencies: for each step that is chosen.
  useEffect(() => heading.current?.focus({ preventScroll: true }), [id]);
  const look = stepLook(picture?.state, picture?.isHeld);
  const type = typeShown(step);
  const attempt = picture?.attempts.at(-1)?.attempt ?? 0;
  const isOpen = picture !== undefined && attempt > 0 && !isFinalStep(picture.state) && !isRunOver;
  // Child runs are listed below, each with its state.
  const said = waits.filter(({ code }) => code !== ReasonCode.CHILD).slice(0, WAITS_SHOWN);
  const moved = `${picture?.state ?? 0}/${attempt}`;
  return (
    <aside className="drawer" aria-label={`Step ${id}`}>
      <header className="drawer-head">
        <h2 ref={heading} tabIndex={-1}>
          <PlainText most={200}>{step.name || id}</PlainText>
        </h2>
        <button type="button" className="quiet" aria-label="Close the step" onClick={onClose}>
          <X size={18} aria-hidden="true" />
        </button>
      </header>
      <p className="drawer-facts">
        <Badge tone={look.tone} icon={look.icon}>
          {look.word}
        </Badge>
        <span className="tag">{type.word}</span>
        <CopyId id={id} />
      </p>
      {picture?.isReused && <p className="muted">A rerun took its output from the run before.</p>}
      {said.map((wait, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a step may have several reasons that are alike.
        <p key={at} className="drawer-wait">
          <Sentence most={2_000}>{wait.sentence}</Sentence> <WhereTo wait={wait} />
        </p>
      ))}
      {picture !== undefined && picture.errorMessage !== "" && waits.length === 0 && (
        <p className="drawer-error">
          <PlainText most={2_000}>{picture.errorMessage}</PlainText>
        </p>
      )}
      {isOpen && (
        <div className="drawer-orders">
          <StepOrders runId={runId} stepId={id} attempt={attempt} />
        </div>
      )}
      <About {...props} />
      {picture !== undefined && picture.attempts.length > 0 && (
        <Attempts attempts={picture.attempts} />
      )}
      {picture !== undefined && (
        <Section title="Data">
          <Payload key={`${id} in`} {...{ runId, stepId: id, kind: "input", version: moved }} />
          <Payload key={`${id} out`} {...{ runId, stepId: id, kind: "output", version: moved }} />
        </Section>
      )}
      <ChildRuns {...props} />
    </aside>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className="drawer-section">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function About({ step, picture, undoes, onChoose }: Props) {
  const ids = Object.entries(picture?.ids ?? {});
  const facts: [name: string, value: ReactNode][] = [
    ["Agent", step.agentId || step.requiredCapability],
    ["Action", step.actionType],
    ["Risk", step.riskLevel.replace("RISK_LEVEL_", "").toLowerCase()],
    ["Waits for", step.eventTypePattern],
    ["Channel", step.notificationChannel],
    ["Condition", step.conditionExpr],
    ["Limit", step.timeoutSeconds > 0 ? lengthWords(step.timeoutSeconds * 1_000) : ""],
    [
      "Undone by",
      step.compensationStepId && <StepLink id={step.compensationStepId} onChoose={onChoose} />,
    ],
    ...undoes.map((id): [string, ReactNode] => [
      "Undoes",
      <StepLink key={id} id={id} onChoose={onChoose} />,
    ]),
    ["Cost", picture !== undefined && picture.costUsd > 0 ? costWords(picture.costUsd) : ""],
    ...ids.map(([name, id]): [string, ReactNode] => [
      name.charAt(0).toUpperCase() + name.slice(1),
      <CopyId key={name} id={id} />,
    ]),
  ];
  const shown = facts.filter(([, value]) => value !== "" && value !== undefined);
  if (shown.length === 0) return null;
  return (
    <dl className="facts">
      {shown.map(([name, value], at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a step may undo several others.
        <div key={at}>
          <dt>{name}</dt>
          <dd>{typeof value === "string" ? <PlainText most={500}>{value}</PlainText> : value}</dd>
        </div>
      ))}
    </dl>
  );
}

function StepLink({
  id,
  onChoose,
}: {
  readonly id: string;
  readonly onChoose: (stepId: string) => void;
}) {
  return (
    <button type="button" className="link" onClick={() => onChoose(id)}>
      {id}
    </button>
  );
}

function Attempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  return (
    <Section title={attempts.length === 1 ? "Attempt" : `${attempts.length} attempts`}>
      <ol className="attempts">
        {[...attempts].reverse().map((each) => {
          const before = attempts.find(({ attempt }) => attempt === each.attempt - 1);
          return <AttemptRow key={each.attempt} attempt={each} before={before} />;
        })}
      </ol>
    </Section>
  );
}

function AttemptRow({
  attempt,
  before,
}: {
  readonly attempt: Attempt;
  readonly before: Attempt | undefined;
}) {
  const { startedAtMs, endedAtMs, waitsFromMs, state, costUsd, errorMessage, endedBy } = attempt;
  const look = stepLook(state);
  const idleMs = before?.endedAtMs === undefined ? 0 : startedAtMs - before.endedAtMs;
  const from = new Date(startedAtMs);
  return (
    <li>
      <p>
        <Badge tone={look.tone} icon={look.icon}>{`${attempt.attempt}. ${look.word}`}</Badge>{" "}
        <Duration from={from} to={endedAtMs === undefined ? undefined : new Date(endedAtMs)} />
        {waitsFromMs !== undefined && endedAtMs !== undefined && (
          <span className="muted"> (waited {lengthWords(endedAtMs - waitsFromMs)})</span>
        )}
        <span className="muted">
          , began <RelativeTime at={from} />
          {idleMs > 0 && `, ${lengthWords(idleMs)} after the one before`}
          {costUsd > 0 && `, ${costWords(costUsd)}`}
        </span>
      </p>
      {errorMessage !== "" && (
        <p className="drawer-error">
          <PlainText most={1_000}>{errorMessage}</PlainText>
        </p>
      )}
      {endedBy !== undefined && (
        <p className="muted">
          ended by <PlainText most={300}>{causeWords(endedBy)}</PlainText>
        </p>
      )}
    </li>
  );
}

/** Ids of runs that began together differ at their ends alone. */
const OWN_CHARS = 12;

function ChildRuns({ step, childRuns }: Props) {
  const [most, setMost] = useState(CHILDREN_AT_ONCE);
  if (childRuns.length === 0) {
    if (childrenOf(step) === "none" || step.stepType !== StepType.AGENT_ACTION) return null;
    return <Section title="Child runs">No child run has begun.</Section>;
  }
  return (
    <Section title={childRuns.length === 1 ? "Child run" : `${childRuns.length} child runs`}>
      <ul className="child-runs">
        {childRuns.slice(0, most).map(({ runId, state, startedAt, completedAt }, at) => (
          <li key={runId}>
            <span className="muted number">{at + 1}</span>
            <RunState state={state} />
            <Link href={paths.run(runId)} title={runId}>
              …{runId.slice(-OWN_CHARS)}
            </Link>
            <Duration from={startedAt} to={completedAt} />
          </li>
        ))}
      </ul>
      {childRuns.length > most && (
        <button type="button" onClick={() => setMost(most + 4 * CHILDREN_AT_ONCE)}>
          {childRuns.length - most} more
        </button>
      )}
    </Section>
  );
}
