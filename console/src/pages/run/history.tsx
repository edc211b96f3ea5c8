/** The history of a run: each move, who or what made it, why and through what. */
import { useState } from "react";
import type { Move } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { CliLine } from "../../parts/cli-line.tsx";
import { stepLook } from "../../parts/graph/step-words.ts";
import { PlainText } from "../../parts/plain-text.tsx";
import { RelativeTime } from "../../parts/relative-time.tsx";
import { causeWords, changeWords } from "./move-words.ts";
import type { RunPicture } from "./run-picture.ts";

const AT_ONCE = 50;

/** Newest first. */
export function History({
  runId,
  picture,
  onChoose,
}: {
  readonly runId: string;
  readonly picture: RunPicture;
  readonly onChoose: (stepId: string) => void;
}) {
  const [most, setMost] = useState(AT_ONCE);
  const [stepId, setStepId] = useState("");
  const { moves, seq, missing } = picture;
  const wanted = moves.filter(({ changes }) => stepId === "" || changes.some(isOf(stepId)));
  const shown = wanted.slice(-most).reverse();
  const oldest = Number(moves[0]?.seq ?? 1);
  return (
    <section className="history" aria-label="History">
      <div className="history-bar">
        <p>
          {seq} {seq === 1 ? "move" : "moves"}
          {missing > 0 && <strong> — {missing} are missing: load the page again</strong>}
        </p>
        <label>
          Step{" "}
          <select value={stepId} onChange={({ target }) => setStepId(target.value)}>
            <option value="">all</option>
            {[...picture.steps.keys()].map((id) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
      </div>
      <ol className="history-moves">
        {shown.map((move) => (
          <MoveRow key={String(move.seq)} move={move} onChoose={onChoose} />
        ))}
      </ol>
      {wanted.length > shown.length && (
        <button type="button" onClick={() => setMost(most + 2 * AT_ONCE)}>
          Show older moves ({wanted.length - shown.length})
        </button>
      )}
      {oldest > 1 && wanted.length === shown.length && (
        <p className="run-hint">
          The {oldest - 1} moves before are not kept in the page. The command line has them.
        </p>
      )}
      <CliLine args={["history", runId]} />
    </section>
  );
}

function stayed(operation: string, state: string): string {
  return operation === "started" ? "begins another attempt" : `stays ${state}`;
}

function isOf(stepId: string) {
  return (change: Move["changes"][number]) => change.stepId === stepId;
}

function MoveRow({
  move,
  onChoose,
}: {
  readonly move: Move;
  readonly onChoose: (stepId: string) => void;
}) {
  const { seq, at, cause, changes } = move;
  const reason = cause?.reason ?? "";
  return (
    <li className="history-move" data-seq={String(seq)}>
      <span className="history-seq">{String(seq)}</span>
      <span className="history-time">
        <RelativeTime at={at} />
      </span>
      <div>
        <ul className="history-changes">
          {changes.map((change, place) => {
            const { stepId, from, to, toState, note } = changeWords(change);
            const Icon =
              toState === undefined ? undefined : stepLook(toState, change.note === "held").icon;
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: changes of one move have no other name.
              <li key={place}>
                {stepId === "" ? (
                  <strong>The run</strong>
                ) : (
                  <button type="button" className="link" onClick={() => onChoose(stepId)}>
                    {stepId}
                  </button>
                )}{" "}
                {from === to ? (
                  stayed(change.operation, to)
                ) : (
                  <>
                    {from !== "" && <>{from} → </>}
                    {Icon !== undefined && <Icon aria-hidden />} <b>{to}</b>
                  </>
                )}
                {note !== "" && (
                  <>
                    {" "}
                    — <PlainText most={500}>{note}</PlainText>
                  </>
                )}
                {change.errorMessage !== "" && (
                  <span className="history-error">
                    <PlainText most={500}>{change.errorMessage}</PlainText>
                  </span>
                )}
              </li>
            );
          })}
        </ul>
        <p className="history-cause">
          <PlainText most={300}>{causeWords(cause)}</PlainText>
          {reason !== "" && (
            <>
              : “<PlainText most={500}>{reason}</PlainText>”
            </>
          )}
        </p>
      </div>
    </li>
  );
}
