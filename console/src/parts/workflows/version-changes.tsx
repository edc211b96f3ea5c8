/** What a version changes, as DiffVersions says it: risks first, then each change with its values. */
import { ShieldAlert } from "lucide-react";
import {
  ChangeKind,
  type DiffVersionsResponse,
  type FieldChange,
  type VersionChange,
  VersionPart,
} from "../../../../gen/workflows/ops/v1/version_diffs_pb.ts";
import { Badge } from "../badge.tsx";
import { MARKS } from "../graph/marks.ts";
import type { Mark } from "../graph/node-facts.ts";
import { PlainText } from "../plain-text.tsx";

const CHANGES_SHOWN = 50;
const FIELDS_SHOWN = 12;
const VALUE_CHARS = 160;

const MARK_OF: Readonly<Record<ChangeKind, Mark>> = {
  [ChangeKind.UNSPECIFIED]: "changed",
  [ChangeKind.ADDED]: "added",
  [ChangeKind.REMOVED]: "removed",
  [ChangeKind.CHANGED]: "changed",
};

export function VersionChanges({ diff }: { readonly diff: DiffVersionsResponse }) {
  const { changes, changeCount, risks } = diff;
  if (changeCount === 0) return <p className="muted">Both versions do the same.</p>;
  return (
    <section className="version-changes" aria-label="What changes">
      {risks.length > 0 && (
        <ul className="version-risks">
          {risks.map(({ code, stepId, description }) => (
            <li key={`${code} ${stepId}`} data-tone="warn">
              <ShieldAlert size={16} aria-hidden="true" />
              <span className="spoken">Look twice: </span>
              <PlainText most={400}>{description}</PlainText>
            </li>
          ))}
        </ul>
      )}
      <ul className="compare-changes">
        {changes.slice(0, CHANGES_SHOWN).map((change) => (
          <Change key={`${change.part} ${change.id}`} change={change} />
        ))}
      </ul>
      {changeCount > CHANGES_SHOWN && (
        <p className="muted">And {changeCount - CHANGES_SHOWN} more.</p>
      )}
    </section>
  );
}

const PARTS: Readonly<Record<VersionPart, string>> = {
  [VersionPart.UNSPECIFIED]: "",
  [VersionPart.STEP]: "step ",
  [VersionPart.EDGE]: "line ",
  [VersionPart.VERSION]: "the version",
};

function Change({ change: { change, part, id, fields } }: { readonly change: VersionChange }) {
  const { word, icon, tone } = MARKS[MARK_OF[change] ?? "changed"];
  return (
    <li>
      <Badge tone={tone} icon={icon}>
        {word}
      </Badge>
      <span>
        {PARTS[part] ?? ""}
        <strong>
          <PlainText most={300}>{id}</PlainText>
        </strong>
      </span>
      {fields.length > 0 && (
        <ul className="field-changes">
          {fields.slice(0, FIELDS_SHOWN).map((field) => (
            <li key={field.field}>
              <code>
                <PlainText most={200}>{field.field}</PlainText>
              </code>{" "}
              <Values change={field} />
            </li>
          ))}
          {fields.length > FIELDS_SHOWN && (
            <li className="muted">and {fields.length - FIELDS_SHOWN} more fields</li>
          )}
        </ul>
      )}
    </li>
  );
}

function Values({
  change: { beforeJson, afterJson, valuesLeftOut },
}: {
  readonly change: FieldChange;
}) {
  if (valuesLeftOut) return <span className="muted">has another value</span>;
  return (
    <>
      <del>
        <PlainText most={VALUE_CHARS}>{valueText(beforeJson)}</PlainText>
      </del>
      <span aria-hidden="true"> → </span>
      <span className="spoken"> becomes </span>
      <ins>
        <PlainText most={VALUE_CHARS}>{valueText(afterJson)}</PlainText>
      </ins>
    </>
  );
}

/** A value as one line: a text without its quotes, and a word for what is not there. */
function valueText(json: string): string {
  if (json === "") return "nothing";
  const value: unknown = JSON.parse(json);
  return typeof value === "string" ? value : json;
}
