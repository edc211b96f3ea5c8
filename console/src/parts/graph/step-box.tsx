/** A step as a node of the graph: name, type, state, time, attempts, cost, and what it waits for. */
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { Layers, Undo2 } from "lucide-react";
import { memo } from "react";
import { shortLength } from "../../api/times.ts";
import { costWords } from "../money.ts";
import { useNow } from "../relative-time.tsx";
import { cutText, visibleText } from "../visible-text.ts";
import type { StepNode } from "./flow-parts.ts";
import { MARKS } from "./marks.ts";
import type { ChildCounts, NodeFacts } from "./node-facts.ts";
import { stepLook, typeShown } from "./step-words.ts";

const NAME_CHARS = 60;

/** A button: the graph opens the step when it is pressed. */
export const StepBox = memo(function StepBox({ data }: NodeProps<StepNode>) {
  const { step, facts, mark, undoes, isChosen, hasRun } = data;
  const type = typeShown(step);
  const name = visibleText(step.name || step.id);
  const state = hasRun ? stepLook(facts?.state, facts?.isHeld) : undefined;
  const title = [name, facts?.sentence].filter(Boolean).join("\n");
  const TypeIcon = undoes === undefined ? type.icon : Undo2;
  const StateIcon = state?.icon;
  const difference = mark && MARKS[mark];
  const classes = ["step-box", undoes && "is-undo"];
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <button
        type="button"
        className={classes.filter(Boolean).join(" ")}
        aria-pressed={isChosen}
        title={cutText(title, 1_000)}
        data-step={step.id}
        data-state={state?.word}
        data-tone={state?.tone ?? "plain"}
        data-mark={mark}
      >
        <span className="step-name">{cutText(name, NAME_CHARS)}</span>
        <span className="step-type">
          <TypeIcon aria-hidden />
          {undoes === undefined ? type.word : "Undo"}
          {difference && (
            <em className="step-mark">
              <difference.icon aria-hidden />
              {difference.word}
            </em>
          )}
        </span>
        {state !== undefined && StateIcon !== undefined && (
          <span className="step-state">
            <StateIcon aria-hidden />
            <span className="step-word">{facts?.wait || state.word}</span>
            {facts !== undefined && <Numbers facts={facts} />}
          </span>
        )}
        {facts?.children !== undefined && <Children counts={facts.children} />}
      </button>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
});

function Numbers({ facts }: { readonly facts: NodeFacts }) {
  const { startedAtMs, endedAtMs, attempts, costUsd, isReused } = facts;
  const isTimed = startedAtMs !== undefined && !isReused;
  return (
    <span className="step-numbers">
      {isReused && "reused"}
      {isTimed &&
        (endedAtMs === undefined ? (
          <OpenFor fromMs={startedAtMs} />
        ) : (
          shortLength(endedAtMs - startedAtMs)
        ))}
      {attempts > 1 && ` · ${attempts} tries`}
      {costUsd > 0 && ` · ${costWords(costUsd)}`}
    </span>
  );
}

function OpenFor({ fromMs }: { readonly fromMs: number }) {
  return shortLength(Math.max(0, useNow() - fromMs));
}

function Children({ counts }: { readonly counts: ChildCounts }) {
  const { total, done, failed, isCut } = counts;
  const all = `${done} of ${total}${isCut ? "+" : ""}`;
  return (
    <span className="step-children" title={`${all} runs completed, ${failed} failed`}>
      <Layers aria-hidden />
      {all}
      {failed > 0 && <em>{failed} failed</em>}
    </span>
  );
}
