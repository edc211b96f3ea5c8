/**
 * A value of JSON as a tree: search, copy, its size, and its text cut at 256 KiB.
 * Boundary: rows and finds are json-rows.ts. All of it is shown as text, whatever it holds.
 */
import { Braces, ChevronDown, ChevronRight, ListTree } from "lucide-react";
import { useDeferredValue, useId, useMemo, useState } from "react";
import { CopyButton } from "./copy.tsx";
import {
  bytesOf,
  bytesWords,
  findIn,
  type JsonRow,
  type Opened,
  openAll,
  openAtFirst,
  rowsOf,
  shownNext,
} from "./json-rows.ts";
import { PlainText } from "./plain-text.tsx";
import { visibleText } from "./visible-text.ts";
import "./json-view.css";

/** More is not shown; copied it is whole. */
const MOST_CHARS = 256 * 1_024;
const VALUE_CHARS = 500;
const MOST_INDENT = 24;

/** A value of JSON. `label` names it for readers of screens. */
export function JsonView({
  value,
  label = "JSON",
}: {
  readonly value: unknown;
  readonly label?: string;
}) {
  const text = useMemo(() => JSON.stringify(value, undefined, 2) ?? "", [value]);
  const [isText, setIsText] = useState(false);
  const [wanted, setWanted] = useState("");
  const searchId = useId();
  const isTree = typeof value === "object" && value !== null;
  return (
    <section className="json-view" aria-label={label}>
      <div className="json-bar">
        {isTree && (
          <>
            <label className="spoken" htmlFor={searchId}>
              Find in {label}
            </label>
            <input
              id={searchId}
              type="search"
              placeholder="Find"
              value={wanted}
              onChange={({ target }) => setWanted(target.value)}
            />
          </>
        )}
        <span className="json-size">{bytesWords(bytesOf(text))}</span>
        {isTree && (
          <button type="button" className="quiet" onClick={() => setIsText(!isText)}>
            {isText ? <ListTree aria-hidden /> : <Braces aria-hidden />}
            {isText ? "Tree" : "Text"}
          </button>
        )}
        <CopyButton text={text} what={label} />
      </div>
      {wanted !== "" && isTree ? (
        <Finds value={value} wanted={wanted} />
      ) : isText || !isTree ? (
        <JsonText text={text} />
      ) : (
        <JsonTree value={value} />
      )}
    </section>
  );
}

function JsonText({ text }: { readonly text: string }) {
  const isCut = text.length > MOST_CHARS;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <pre className="json-text" tabIndex={0}>
        <PlainText most={MOST_CHARS}>{text}</PlainText>
      </pre>
      {isCut && <p className="json-cut">Cut at 256 KiB. Copy takes all of it.</p>}
    </>
  );
}

function Finds({ value, wanted }: { readonly value: unknown; readonly wanted: string }) {
  const text = useDeferredValue(wanted);
  const finds = useMemo(() => findIn(value, text), [value, text]);
  if (finds.length === 0) return <p className="json-cut">Nothing has “{visibleText(wanted)}”.</p>;
  return (
    <ul className="json-finds">
      {finds.map(({ path, place, value: found }) => (
        <li key={path}>
          <code className="json-place">
            <PlainText most={VALUE_CHARS}>{place}</PlainText>
          </code>
          <JsonValue value={found} />
        </li>
      ))}
      {finds.length === 100 && <li className="json-cut">The first 100 places.</li>}
    </ul>
  );
}

function JsonTree({ value }: { readonly value: unknown }) {
  const [opened, setOpened] = useState(() => openAtFirst(value));
  const rows = useMemo(() => rowsOf(value, opened), [value, opened]);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <ul className="json-tree" tabIndex={0}>
        {rows.map((row) => (
          <li
            key={row.hidden === undefined ? row.path : `${row.path} rest`}
            style={{ paddingInlineStart: `${Math.min(row.depth, MOST_INDENT) * 14}px` }}
          >
            {row.hidden === undefined ? (
              <Row row={row} onToggle={() => setOpened(toggled(opened, row.path))} />
            ) : (
              <button
                type="button"
                className="quiet"
                onClick={() => setOpened(withMore(opened, row.path))}
              >
                {row.hidden} more
              </button>
            )}
          </li>
        ))}
      </ul>
      {rows.some(({ size, isOpen }) => size !== undefined && size > 0 && !isOpen) && (
        <button type="button" className="quiet" onClick={() => setOpened(openAll(value))}>
          Open all
        </button>
      )}
    </>
  );
}

function Row({ row, onToggle }: { readonly row: JsonRow; readonly onToggle: () => void }) {
  const { name, value, size, isOpen } = row;
  const key =
    name === undefined ? null : (
      <span className="json-key">
        <PlainText most={VALUE_CHARS}>{name}</PlainText>:
      </span>
    );
  if (size === undefined || size === 0) {
    return (
      <span className="json-leaf">
        {key} <JsonValue value={value} />
      </span>
    );
  }
  const Icon = isOpen ? ChevronDown : ChevronRight;
  return (
    <button type="button" className="json-branch" aria-expanded={isOpen} onClick={onToggle}>
      <Icon aria-hidden />
      {key}
      <span className="json-count">{Array.isArray(value) ? `[${size}]` : `{${size}}`}</span>
    </button>
  );
}

/** A value without children; of one with children how many there are. */
function JsonValue({ value }: { readonly value: unknown }) {
  const [isWhole, setIsWhole] = useState(false);
  if (typeof value !== "string") {
    const text =
      typeof value === "object" && value !== null ? summaryOf(value) : JSON.stringify(value);
    return <code className={`json-${value === null ? "null" : typeof value}`}>{text}</code>;
  }
  const most = isWhole ? MOST_CHARS : VALUE_CHARS;
  return (
    <span className="json-string">
      <code>
        “<PlainText most={most}>{value}</PlainText>”
      </code>
      {value.length > VALUE_CHARS && (
        <button type="button" className="quiet" onClick={() => setIsWhole(!isWhole)}>
          {isWhole ? "Less" : `All ${value.length} characters`}
        </button>
      )}
    </span>
  );
}

function summaryOf(value: object): string {
  return Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`;
}

function toggled({ paths, shown }: Opened, path: string): Opened {
  const next = new Set(paths);
  if (!next.delete(path)) next.add(path);
  return { paths: next, shown };
}

function withMore({ paths, shown }: Opened, path: string): Opened {
  return { paths, shown: new Map(shown).set(path, shownNext(shown.get(path))) };
}
