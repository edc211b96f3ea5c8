/** A step on the canvas: what it is, what is wrong with it, and the ends by which others follow it. */
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { CircleX, TriangleAlert, Undo2 } from "lucide-react";
import { memo } from "react";
import { MARKS } from "../../graph/marks.ts";
import { stepLook } from "../../graph/step-words.ts";
import { cutText, visibleText } from "../../visible-text.ts";
import { type DesignNode, handleOf } from "./flow.ts";
import { lookOf, summaryOf } from "./kinds.ts";

const NAME_CHARS = 60;
const SUMMARY_CHARS = 80;
const WORD_CHARS = 12;

function leftOf(at: number, count: number): string {
  return `${((at + 0.5) / count) * 100}%`;
}

export const DesignBox = memo(function DesignBox({ data }: NodeProps<DesignNode>) {
  const { step, ports, faults, warnings, facts, mark, isUndo, isChosen } = data;
  const look = lookOf(step);
  const Icon = isUndo ? Undo2 : look.icon;
  const state = facts && stepLook(facts.state, facts.isHeld);
  const StateIcon = state?.icon;
  const difference = mark && MARKS[mark];
  const name = visibleText(step.name || step.id);
  const title = [name, ...faults, ...warnings, facts?.sentence].filter(Boolean).join("\n");
  return (
    <>
      <Handle
        id="in"
        type="target"
        position={Position.Top}
        className={isUndo ? "port-none" : "port port-in"}
        isConnectable={!isUndo}
      />
      <Handle
        id="undone"
        type="target"
        position={Position.Left}
        className="port-none"
        isConnectable={false}
      />
      <button
        type="button"
        className="design-box"
        aria-pressed={isChosen}
        title={cutText(title, 1_000)}
        data-step={step.id}
        data-kind={step.kind}
        data-hue={look.hue}
        data-state={state?.word}
        data-tone={state?.tone}
        data-mark={mark}
        data-faults={faults.length || undefined}
      >
        <span className="design-icon">
          <Icon aria-hidden />
        </span>
        <span className="design-text">
          <span className="design-name">{cutText(name, NAME_CHARS)}</span>
          <span className="design-sub">
            {isUndo ? "Undo" : look.word}
            {summaryOf(step) !== "" && (
              <span> · {cutText(visibleText(summaryOf(step)), SUMMARY_CHARS)}</span>
            )}
          </span>
        </span>
        {faults.length > 0 ? (
          <span className="design-note" data-tone="bad">
            <CircleX aria-hidden />
            <span className="spoken">
              {faults.length === 1 ? "1 fault" : `${faults.length} faults`}
            </span>
          </span>
        ) : state !== undefined && StateIcon !== undefined ? (
          <span className="design-note" data-tone={state.tone}>
            <StateIcon aria-hidden />
            <span className="spoken">{state.word}</span>
          </span>
        ) : difference !== undefined ? (
          <span className="design-note" data-tone={difference.tone}>
            <difference.icon aria-hidden />
            <span className="spoken">{difference.word}</span>
          </span>
        ) : (
          warnings.length > 0 && (
            <span className="design-note" data-tone="warn">
              <TriangleAlert aria-hidden />
              <span className="spoken">A warning</span>
            </span>
          )
        )}
        {ports.map(({ label, word }, at) => (
          <span
            key={label}
            className="port-word"
            aria-hidden
            style={{ left: leftOf(at, ports.length) }}
          >
            {cutText(visibleText(word), WORD_CHARS)}
          </span>
        ))}
      </button>
      <Handle
        id="undo"
        type="source"
        position={Position.Right}
        className="port-none"
        isConnectable={false}
      />
      {ports.map(({ label }, at) => (
        <Handle
          key={label}
          id={handleOf(label)}
          type="source"
          position={Position.Bottom}
          className="port port-out"
          style={{ left: leftOf(at, ports.length) }}
          data-port={label}
        />
      ))}
    </>
  );
});
