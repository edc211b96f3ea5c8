/** Why a run stands where it stands, in words, with a link to who or what ends each wait. */
import { Link } from "wouter";
import {
  type Explanation,
  type Party,
  Party_Kind,
  ReasonCode,
  RunVerdict,
  type WaitReason,
} from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Tone } from "../../parts/badge.tsx";
import { PlainText } from "../../parts/plain-text.tsx";
import { RelativeTime } from "../../parts/relative-time.tsx";
import { Sentence } from "../../parts/sentence.tsx";
import { paths } from "../../paths.ts";
import { waitWords } from "./node-facts-of.ts";

const VERDICTS: Readonly<Record<RunVerdict, readonly [words: string, tone: Tone]>> = {
  [RunVerdict.UNSPECIFIED]: ["", "idle"],
  [RunVerdict.MOVING]: ["It moves", "info"],
  [RunVerdict.WAITING]: ["It waits", "warn"],
  [RunVerdict.HELD]: ["It is paused", "warn"],
  [RunVerdict.ENDED]: ["It has ended", "idle"],
};
const PARTIES: Readonly<Record<Party_Kind, string>> = {
  [Party_Kind.UNSPECIFIED]: "",
  [Party_Kind.PERSON]: "person",
  [Party_Kind.GROUP]: "group",
  [Party_Kind.AGENT]: "agent",
  [Party_Kind.SERVICE]: "service",
  [Party_Kind.EVENT]: "event",
  [Party_Kind.TIME]: "time",
  [Party_Kind.WORKER]: "worker",
  [Party_Kind.RUN]: "run",
};
const SHOWN_AT_FIRST = 3;

/** On top of the page of a run. */
export function Explain({
  explanation,
  onChoose,
}: {
  readonly explanation: Explanation;
  readonly onChoose: (stepId: string) => void;
}) {
  const { verdict, sentence, waits, moreWaits } = explanation;
  const [first, ...others] = waits;
  // The sentence of the run repeats that of its first reason.
  const isSaid = first !== undefined && sentence.includes(first.sentence);
  const more = others.length + moreWaits;
  const [words, tone] = VERDICTS[verdict] ?? VERDICTS[RunVerdict.UNSPECIFIED];
  return (
    <section className="explain" data-tone={tone} aria-label="Why">
      <h2>{words}</h2>
      <p className="explain-sentence">
        <Sentence most={2_000}>{sentence}</Sentence>
      </p>
      {first !== undefined && (
        <ul className="waits">
          <Wait wait={first} isSaid={isSaid} onChoose={onChoose} />
        </ul>
      )}
      {more > 0 && (
        <details open={more < SHOWN_AT_FIRST}>
          <summary>{more === 1 ? "One more reason" : `${more} more reasons`}</summary>
          <ul className="waits">
            {others.map((wait, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a step may have several reasons that are alike.
              <Wait key={at} wait={wait} isSaid={false} onChoose={onChoose} />
            ))}
          </ul>
          {moreWaits > 0 && <p>And {moreWaits} that are not listed.</p>}
        </details>
      )}
    </section>
  );
}

function Wait({
  wait,
  isSaid,
  onChoose,
}: {
  readonly wait: WaitReason;
  readonly isSaid: boolean;
  readonly onChoose: (stepId: string) => void;
}) {
  const { stepId, code, sentence, lastError, since, nextTryAt, givesUpAt, endsBy } = wait;
  const isNewError = lastError !== "" && !sentence.includes(lastError);
  // A time is said already.
  const enders = endsBy.filter(({ kind }) => kind !== Party_Kind.TIME);
  return (
    <li>
      {!isSaid && (
        <p>
          <Sentence most={2_000}>{sentence}</Sentence>
        </p>
      )}
      {isNewError && (
        <p className="explain-error">
          <PlainText most={1_000}>{lastError}</PlainText>
        </p>
      )}
      <p className="explain-facts">
        {stepId !== "" && (
          <button type="button" className="link" onClick={() => onChoose(stepId)}>
            {stepId}
          </button>
        )}
        <span>{waitWords(code)}</span>
        {since !== undefined && (
          <span>
            since <RelativeTime at={since} />
          </span>
        )}
        {nextTryAt !== undefined && (
          <span>
            goes on <RelativeTime at={nextTryAt} />
          </span>
        )}
        {givesUpAt !== undefined && (
          <span>
            gives up <RelativeTime at={givesUpAt} />
          </span>
        )}
        {enders.length > 0 && (
          <span>
            up to <PlainText most={300}>{enders.map(partyWords).join(", ")}</PlainText>
          </span>
        )}
        <WhereTo wait={wait} />
      </p>
    </li>
  );
}

/** The page on which the wait can be ended or looked into. */
export function WhereTo({ wait }: { readonly wait: WaitReason }) {
  const { code, inboxItemId, childRunId, queue, setting } = wait;
  switch (code) {
    case ReasonCode.APPROVAL:
      return <ItemLink id={inboxItemId}>Decide in the inbox</ItemLink>;
    case ReasonCode.TASK:
      return <ItemLink id={inboxItemId}>Open the task</ItemLink>;
    case ReasonCode.HELD:
      return <ItemLink id={inboxItemId}>Mend it</ItemLink>;
    case ReasonCode.CHILD:
      return childRunId === "" ? null : (
        <Link href={paths.run(childRunId)}>Open the child run</Link>
      );
    case ReasonCode.WORKER_LOST:
    case ReasonCode.QUEUE_UNSERVED:
      return <Link href={paths.system}>Queue {queue}</Link>;
    case ReasonCode.NOT_CONFIGURED:
      return setting === "" ? null : <code>{setting}</code>;
    case ReasonCode.COLLABORATOR_AWAY:
    case ReasonCode.BREAKER_OPEN:
    case ReasonCode.DEAD_LETTER:
      return <Link href={paths.system}>System</Link>;
    default:
      return null;
  }
}

/** Nothing where the service names no item. */
function ItemLink({ id, children }: { readonly id: string; readonly children: string }) {
  return id === "" ? null : <Link href={paths.item(id)}>{children}</Link>;
}

function partyWords({ kind, id }: Party): string {
  const word = PARTIES[kind] ?? "";
  if (id === "") return `any ${word}`;
  return kind === Party_Kind.TIME || kind === Party_Kind.PERSON ? id : `${word} ${id}`;
}
