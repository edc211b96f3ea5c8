/** The timeline of a run: each attempt of each step, the idle time between, and breaks for long waits. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { lengthWords, shortLength } from "../../api/times.ts";
import { stepLook } from "../../parts/graph/step-words.ts";
import { useNow } from "../../parts/relative-time.tsx";
import { cutText, visibleText } from "../../parts/visible-text.ts";
import { type RunPicture, tookMs } from "./run-picture.ts";
import {
  type Bar,
  type Timeline as Model,
  type Row,
  type Span,
  timelineOf,
} from "./timeline-model.ts";

const ROW_PX = 30;
/** Units of the drawing along the axis. */
const WIDE = 1_000;
const NARROWEST = 3;

interface Props {
  readonly picture: RunPicture;
  /** Of the steps, by their ids. */
  readonly names: ReadonlyMap<string, string>;
  readonly chosen: string;
  readonly onChoose: (stepId: string) => void;
}

/** Of an open run it goes on to now. */
export function Timeline(props: Props) {
  const { endedAtMs } = props.picture;
  if (endedAtMs === undefined) return <OpenTimeline {...props} />;
  return <Drawing {...props} nowMs={endedAtMs} />;
}

function OpenTimeline(props: Props) {
  return <Drawing {...props} nowMs={useNow()} />;
}

function Drawing({ picture, names, chosen, onChoose, nowMs }: Props & { readonly nowMs: number }) {
  const model = useMemo(() => timelineOf(picture, nowMs), [picture, nowMs]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: model.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  if (model.rows.length === 0) return <p className="run-hint">No step has begun yet.</p>;
  return (
    <section className="timeline" aria-label="Timeline of the attempts">
      <Axis model={model} />
      <div className="timeline-rows" ref={scroller}>
        <div className="timeline-all" style={{ height: virtual.getTotalSize() }}>
          <Breaks model={model} />
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = model.rows[index];
            const step = row && picture.steps.get(row.id);
            if (row === undefined || step === undefined) return null;
            const took = tookMs(step, nowMs);
            return (
              <button
                key={row.id}
                type="button"
                className="timeline-row"
                aria-pressed={chosen === row.id}
                style={{ transform: `translateY(${start}px)` }}
                onClick={() => onChoose(row.id)}
              >
                <span className="timeline-name">
                  {cutText(visibleText(names.get(row.id) || row.id), 60)}
                </span>
                <Bars row={row} />
                <span className="timeline-took">
                  <span className="spoken">{stepLook(step.state, step.isHeld).word}, </span>
                  {took === undefined ? "" : lengthWords(took)}
                  {row.bars.length > 1 ? ` · ${row.bars.length} tries` : ""}
                </span>
              </button>
            );
          })}
        </div>
      </div>
      <p className="legend timeline-legend">
        <span className="legend-work">at work</span>
        <span className="legend-wait">waits for somebody or something</span>
        <span className="legend-idle">between two attempts, or held</span>
      </p>
    </section>
  );
}

function Axis({ model }: { readonly model: Model }) {
  return (
    <div className="timeline-axis" aria-hidden>
      {model.ticks.map(({ at, ms }) => (
        <span key={ms} className="timeline-tick" style={{ left: `${at * 100}%` }}>
          {ms === 0 ? "start" : `+${lengthWords(ms)}`}
        </span>
      ))}
      {model.breaks.map(({ from, to, fromMs, ms }) => (
        <span
          key={fromMs}
          className="timeline-break"
          style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }}
        >
          {shortLength(ms)}
        </span>
      ))}
    </div>
  );
}

function Breaks({ model }: { readonly model: Model }) {
  return (
    <div className="timeline-breaks" aria-hidden>
      {model.breaks.map(({ from, to, fromMs }) => (
        <span key={fromMs} style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }} />
      ))}
    </div>
  );
}

function Bars({ row }: { readonly row: Row }) {
  return (
    <svg
      className="timeline-bars"
      viewBox={`0 0 ${WIDE} ${ROW_PX}`}
      preserveAspectRatio="none"
      aria-hidden
    >
      {row.rest !== undefined && <Idle span={row.rest} />}
      {row.bars.map((bar) => (
        <g key={bar.attempt.startedAtMs}>
          <title>{barWords(bar)}</title>
          {bar.idle !== undefined && <Idle span={bar.idle} />}
          <rect
            className="bar"
            data-tone={stepLook(bar.state).tone}
            {...across(bar.from, bar.to)}
          />
          {bar.waitsFrom !== undefined && bar.waitsFrom < bar.to && (
            <rect className="bar bar-wait" {...across(bar.waitsFrom, bar.to)} />
          )}
        </g>
      ))}
    </svg>
  );
}

function Idle({ span }: { readonly span: Span }) {
  const y = ROW_PX / 2;
  return <line className="timeline-idle" x1={span.from * WIDE} x2={span.to * WIDE} y1={y} y2={y} />;
}

function across(from: number, to: number) {
  const width = Math.max(NARROWEST, (to - from) * WIDE);
  return { x: Math.min(from * WIDE, WIDE - width), width, y: 7, height: ROW_PX - 14 };
}

function barWords({ attempt, state, idleMs }: Bar): string {
  const { startedAtMs, endedAtMs, waitsFromMs, errorMessage } = attempt;
  const lines = [
    `Attempt ${attempt.attempt}: ${stepLook(state).word}`,
    endedAtMs === undefined ? "" : `took ${lengthWords(endedAtMs - startedAtMs)}`,
    waitsFromMs === undefined || endedAtMs === undefined
      ? ""
      : `of which it waited ${lengthWords(endedAtMs - waitsFromMs)}`,
    idleMs > 0 ? `${lengthWords(idleMs)} after the one before` : "",
    visibleText(cutText(errorMessage, 300)),
  ];
  return lines.filter((line) => line !== "").join("\n");
}
