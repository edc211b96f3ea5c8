/** Two texts as one, with added and removed lines. Equal lines far from them are closed at first. */
import { useMemo, useState } from "react";
import { cutText, visibleText } from "../visible-text.ts";
import { type DiffLine, diffLines, partsOf } from "./line-diff.ts";

const LINES_SHOWN = 2_000;
const LINE_CHARS = 2_000;
const SIGNS = { same: " ", added: "+", removed: "−" } as const;

export function LineDiff({ before, after }: { readonly before: string; readonly after: string }) {
  const parts = useMemo(() => partsOf(diffLines(before, after)), [before, after]);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const [most, setMost] = useState(LINES_SHOWN);
  if (parts.every(({ kind }) => kind === "gap")) return <p>The texts are the same.</p>;
  let left = most;
  const shown = parts.map(({ kind, lines }, at) => {
    if (kind === "gap" && !open.has(at)) {
      const firstLine = lines[0]?.after ?? 0;
      return (
        <div className="line-diff-gap" key={`gap ${firstLine}`}>
          <button type="button" className="link" onClick={() => setOpen(new Set([...open, at]))}>
            {lines.length === 1 ? "One equal line" : `${lines.length} equal lines`}
          </button>
        </div>
      );
    }
    const those = lines.slice(0, Math.max(0, left));
    left -= lines.length;
    return those.map((line) => <Line key={`${line.before} ${line.after}`} line={line} />);
  });
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard */}
      <section className="line-diff" aria-label="Text with its changes" tabIndex={0}>
        <div className="line-diff-lines">{shown}</div>
      </section>
      {left < 0 && (
        <p className="below">
          <button type="button" onClick={() => setMost(most - left)}>
            Show {-left} more lines
          </button>
        </p>
      )}
    </>
  );
}

/** Removed and added are said, for who does not see it. */
function Line({ line: { kind, text, before, after } }: { readonly line: DiffLine }) {
  const shown = visibleText(cutText(text, LINE_CHARS));
  return (
    <div className="line-diff-line" data-kind={kind}>
      <span className="line-number">{before ?? ""}</span>
      <span className="line-number">{after ?? ""}</span>
      <span className="line-sign" aria-hidden="true">
        {SIGNS[kind]}
      </span>
      {kind === "added" ? (
        <ins>
          <span className="spoken">added: </span>
          <bdi>{shown}</bdi>
        </ins>
      ) : kind === "removed" ? (
        <del>
          <span className="spoken">removed: </span>
          <bdi>{shown}</bdi>
        </del>
      ) : (
        <bdi>{shown}</bdi>
      )}
    </div>
  );
}
