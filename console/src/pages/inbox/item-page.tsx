/**
 * One item of the inbox for who decides it: what is asked, by whom, the details, and the buttons.
 * Boundary: no word of workflows but the link to the run. Who may act is the service's to judge; its refusals are item-words.ts.
 */
import { Link } from "wouter";
import {
  type InboxItem,
  type ItemDecision,
  ItemKind,
  type ItemNote,
  NoteKind,
} from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { throughWords } from "../../api/names.ts";
import { useCall } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { Badge } from "../../parts/badge.tsx";
import { CopyButton } from "../../parts/copy.tsx";
import { ErrorNote } from "../../parts/error-note.tsx";
import { JsonView } from "../../parts/json-view.tsx";
import { Loading } from "../../parts/loading.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { PlainText } from "../../parts/plain-text.tsx";
import { RelativeTime } from "../../parts/relative-time.tsx";
import { visibleText } from "../../parts/visible-text.ts";
import { paths } from "../../paths.ts";
import { StepOrders } from "../run/step-orders.tsx";
import { Decision } from "./decision.tsx";
import { DeployFacts } from "./deploy-facts.tsx";
import { ItemActions } from "./item-actions.tsx";
import { decisionWords, isOpen, kindWords, nameOf, riskWords, stateWords } from "./item-words.ts";
import { LongText, Readable } from "./readable.tsx";
import { TaskForm } from "./task-form.tsx";
import "./inbox.css";

const EVERY_MS = 5_000;
const DIGEST_SHOWN = 12;

export default function ItemPage({ id }: { readonly id: string }) {
  // The stream tells neither of comments nor of deployments.
  const found = useCall(["inbox", "item", id], ({ inbox }, options) => inbox.get({ id }, options), {
    everyMs: EVERY_MS,
  });
  const note = found.isError && <ErrorNote error={found.error} onRetry={() => found.refetch()} />;
  if (found.data?.item === undefined) {
    return (
      <>
        <PageHead title="Inbox" />
        {note || <Loading />}
      </>
    );
  }
  // What was typed stays when the service does not answer for a while.
  return (
    <>
      {note}
      <Item key={id} item={found.data.item} onRefused={() => void found.refetch()} />
    </>
  );
}

function Item({ item, onRefused }: { readonly item: InboxItem; readonly onRefused: () => void }) {
  const { may } = useRights();
  const { kind, title, dueAt, instructions, payload, lastError } = item;
  const { word, icon } = kindWords(kind);
  const state = stateWords(item);
  const risk = riskWords(item.riskLevel);
  const isDeploy = kind === ItemKind.DEPLOY;
  return (
    <article className="item">
      <PageHead
        title={visibleText(title)}
        aside={isOpen(item) && !isDeploy ? <ItemActions item={item} /> : undefined}
      >
        <Badge tone="info" icon={icon}>
          {word}
        </Badge>
        <Badge tone={state.tone}>{state.word}</Badge>
        {risk !== undefined && <Badge tone={risk.tone}>{risk.word}</Badge>}
        {dueAt !== undefined && isOpen(item) && (
          <span>
            due <RelativeTime at={dueAt} />
          </span>
        )}
      </PageHead>
      <Asked item={item} />
      {instructions !== "" && instructions !== title && (
        <section className="card card-body">
          <LongText text={instructions} />
        </section>
      )}
      {lastError !== "" && (
        <section className="card card-body item-error" aria-label="What went wrong">
          <h2>What went wrong</h2>
          <LongText text={lastError} />
        </section>
      )}
      {isDeploy ? (
        <DeployFacts item={item} />
      ) : (
        payload !== undefined &&
        (isDecided(kind) || Object.keys(payload).length > 0) && <Readable value={payload} />
      )}
      <Decided item={item} />
      {isOpen(item) && isDecided(kind) && may("workflows.ops.v1.Inbox/Decide") && (
        <Decision item={item} onRefused={onRefused} />
      )}
      {isOpen(item) && kind === ItemKind.TASK && may("workflows.ops.v1.Inbox/CompleteTask") && (
        <TaskForm item={item} onRefused={onRefused} />
      )}
      {isOpen(item) && kind === ItemKind.HELD && <Mend item={item} />}
      <Notes notes={item.notes} />
      <footer className="item-foot">
        {item.digest !== "" && (
          <span title={item.digest}>
            Digest of what is decided: <code>{item.digest.slice(0, DIGEST_SHOWN)}</code>
            <CopyButton text={item.digest} what="the digest" />
          </span>
        )}
        <Link
          href={
            isDeploy
              ? paths.workflowTab(item.definitionId, "deployments")
              : `${paths.run(item.runId)}?step=${encodeURIComponent(item.stepId)}`
          }
        >
          Where this comes from
        </Link>
      </footer>
    </article>
  );
}

/** A request of a gate, or a deployment. */
function isDecided(kind: ItemKind): boolean {
  return kind === ItemKind.APPROVAL || kind === ItemKind.DEPLOY;
}

/** Who asks whom for what, in a sentence. */
function Asked({ item }: { readonly item: InboxItem }) {
  const { requestedBy, assignee, createdAt, actionType, kind, needed, given } = item;
  if (kind === ItemKind.HELD) {
    return (
      <p className="asked">
        It went wrong <RelativeTime at={createdAt} />
        {isOpen(item) && " and waits for somebody who mends it"}.
      </p>
    );
  }
  const who = requestedBy === "" ? "It is asked of" : `${nameOf(requestedBy)} asks`;
  const whom = assignee === "" ? "anybody" : assignee;
  const isMany = kind === ItemKind.APPROVAL && needed > 1;
  return (
    <p className="asked">
      <PlainText most={300}>{`${who} ${whom}`}</PlainText>
      {kind === ItemKind.APPROVAL && actionType !== "" && (
        <>
          {" to allow "}
          <strong>
            <PlainText most={300}>{actionType}</PlainText>
          </strong>
        </>
      )}
      {kind === ItemKind.TASK && " to do this"}
      {kind === ItemKind.DEPLOY && " to let this version start runs"},{" "}
      <RelativeTime at={createdAt} />.
      {isMany && ` It needs ${needed} people; ${given} have agreed.`}
    </p>
  );
}

/** What was decided before, by whom and why. */
function Decided({ item }: { readonly item: InboxItem }) {
  const { decisions, completedBy, completionReason, runId, stepId, id } = item;
  const isOnly = decisions.length < 2;
  const shown = decisions.filter(({ decision }) => !isOnly || decision !== "");
  if (shown.length === 0 && completedBy === "") return null;
  return (
    <section className="card card-body" aria-label="Decisions">
      <h2>{completedBy === "" ? "Decisions" : "Result"}</h2>
      <ul className="decisions">
        {completedBy !== "" && (
          <li>
            <strong>
              <PlainText most={200}>{nameOf(completedBy)}</PlainText>
            </strong>{" "}
            completed it <Reason text={completionReason} />
          </li>
        )}
        {decisions.map((decision, at) => {
          const other = `${runId}/${stepId}/${at + 1}`;
          if (!shown.includes(decision)) return null;
          return (
            <li key={other}>
              <OneDecision decision={decision} />
              {other !== id && decision.decision === "" && (
                <Link href={paths.item(other)}>Open this one</Link>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function OneDecision({ decision }: { readonly decision: ItemDecision }) {
  const { approver, decision: made, decidedBy, reason, edits } = decision;
  if (made === "") {
    return (
      <>
        <strong>
          <PlainText most={200}>{approver || "Somebody"}</PlainText>
        </strong>{" "}
        has not decided yet{" "}
      </>
    );
  }
  return (
    <>
      <strong>
        <PlainText most={200}>{nameOf(decidedBy) || approver || "Somebody"}</PlainText>
      </strong>{" "}
      {decisionWords(made)} <Reason text={reason} />
      {edits !== undefined && (
        <>
          <p>with other details than those above:</p>
          <JsonView value={edits} label="What was changed" />
        </>
      )}
    </>
  );
}

function Reason({ text }: { readonly text: string }) {
  if (text === "") return null;
  return (
    <q>
      <PlainText most={2_000}>{text}</PlainText>
    </q>
  );
}

/** Orders for a step that failed and waits. */
function Mend({ item }: { readonly item: InboxItem }) {
  const { runId, stepId } = item;
  const attempts = useCall(
    ["inbox", "attempts", runId, stepId],
    ({ runs }, options) => runs.getAttempts({ runId, stepId }, options),
    { everyMs: EVERY_MS },
  );
  if (attempts.data === undefined) {
    return attempts.isError ? <ErrorNote error={attempts.error} /> : <Loading rows={1} />;
  }
  const attempt = attempts.data.attempts.at(-1)?.attempt ?? 0;
  return (
    <section className="card card-body" aria-label="What to do">
      <h2>What to do</h2>
      <p className="muted">
        It failed after {attempt === 1 ? "one try" : `${attempt} tries`} and waits for you.
      </p>
      <div className="item-actions">
        <StepOrders runId={runId} stepId={stepId} attempt={attempt} />
      </div>
    </section>
  );
}

const NOTE_WORDS: Readonly<Record<NoteKind, string>> = {
  [NoteKind.UNSPECIFIED]: "noted",
  [NoteKind.CLAIMED]: "claimed it",
  [NoteKind.RELEASED]: "released it",
  [NoteKind.DELEGATED]: "asked",
  [NoteKind.COMMENTED]: "commented",
};

function Notes({ notes }: { readonly notes: readonly ItemNote[] }) {
  if (notes.length === 0) return null;
  return (
    <section className="card card-body" aria-label="Comments">
      <h2>Comments</h2>
      <ul className="notes">
        {notes.map(({ kind, by, to, text, madeAt, via }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: notes have no ids, and none goes.
          <li key={at}>
            <p className="muted">
              <strong>
                <PlainText most={200}>{nameOf(by)}</PlainText>
              </strong>{" "}
              {NOTE_WORDS[kind] ?? ""} <PlainText most={200}>{to}</PlainText>
              {throughWords(via)} <RelativeTime at={madeAt} />
            </p>
            {text !== "" && <LongText text={text} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
