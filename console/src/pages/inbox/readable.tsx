/** A payload as a form that is read: names in words, values as text, lists as lists; the JSON is one click away. */
import { useState } from "react";
import { labelOf } from "../../parts/forms/form-model.ts";
import { JsonView } from "../../parts/json-view.tsx";
import { PlainText } from "../../parts/plain-text.tsx";

const DEEPEST = 2;
const MOST_ENTRIES = 40;
const MOST_ITEMS = 20;
const MOST_CHARS = 600;

/** `value` is what is to be decided on. */
export function Readable({ value }: { readonly value: Readonly<Record<string, unknown>> }) {
  const [isJson, setIsJson] = useState(false);
  const isEmpty = Object.keys(value).length === 0;
  return (
    <section className="card readable" aria-label="Details">
      <div className="card-head">
        <h2>Details</h2>
        {!isEmpty && (
          <button type="button" className="quiet" onClick={() => setIsJson(!isJson)}>
            {isJson ? "As a form" : "As JSON"}
          </button>
        )}
      </div>
      <div className="card-body">
        {isEmpty ? (
          <p className="muted">No details came with it: its title says all of it.</p>
        ) : isJson ? (
          <JsonView value={value} label="Details" />
        ) : (
          <Entries value={value} depth={0} />
        )}
      </div>
    </section>
  );
}

function Entries({
  value,
  depth,
}: {
  readonly value: Readonly<Record<string, unknown>>;
  readonly depth: number;
}) {
  const entries = Object.entries(value);
  return (
    <dl className="entries">
      {entries.slice(0, MOST_ENTRIES).map(([name, each]) => (
        <div key={name}>
          <dt>
            <PlainText most={100}>{labelOf(name)}</PlainText>
          </dt>
          <dd>
            <Value value={each} depth={depth} />
          </dd>
        </div>
      ))}
      {entries.length > MOST_ENTRIES && (
        <p className="muted">And {entries.length - MOST_ENTRIES} more: see the JSON.</p>
      )}
    </dl>
  );
}

function Value({ value, depth }: { readonly value: unknown; readonly depth: number }) {
  if (value === null || value === "") return <span className="muted">none</span>;
  if (typeof value === "boolean") return value ? "Yes" : "No";
  // All of its digits, and none besides: it is decided upon, and may be a rate, a year or an id.
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return <LongText text={value} />;
  if (depth >= DEEPEST) return <JsonView value={value} label="Part of the details" />;
  if (Array.isArray(value)) return <Items items={value} depth={depth + 1} />;
  return <Entries value={value as Record<string, unknown>} depth={depth + 1} />;
}

function Items({ items, depth }: { readonly items: readonly unknown[]; readonly depth: number }) {
  if (items.length === 0) return <span className="muted">none</span>;
  return (
    <ul className="items">
      {items.slice(0, MOST_ITEMS).map((item, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items of a list have no other name.
        <li key={at}>
          <Value value={item} depth={depth} />
        </li>
      ))}
      {items.length > MOST_ITEMS && (
        <li className="muted">And {items.length - MOST_ITEMS} more: see the JSON.</li>
      )}
    </ul>
  );
}

/** A text of somebody else; its line breaks are kept. */
export function LongText({ text }: { readonly text: string }) {
  const [isWhole, setIsWhole] = useState(false);
  return (
    <>
      <span className="long-text">
        <PlainText most={isWhole ? text.length : MOST_CHARS}>{text}</PlainText>
      </span>
      {text.length > MOST_CHARS && (
        <button type="button" className="quiet" onClick={() => setIsWhole(!isWhole)}>
          {isWhole ? "Less" : `All ${text.length.toLocaleString("en")} characters`}
        </button>
      )}
    </>
  );
}
