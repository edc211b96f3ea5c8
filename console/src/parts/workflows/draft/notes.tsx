/** What is wrong with a text, and what is often a mistake; a click goes to its line. */
import { CircleX, TriangleAlert } from "lucide-react";
import type { VersionFault } from "../../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { PlainText } from "../../plain-text.tsx";
import type { EditorNote, EditorPlace } from "./editor.tsx";

const SHOWN = 50;

/** Faults and warnings as the editor shows them. */
export function notesOf(
  faults: readonly VersionFault[],
  warnings: readonly VersionFault[],
): EditorNote[] {
  const noteOf = (severity: EditorNote["severity"]) => (fault: VersionFault) => {
    const { line, column, description } = fault;
    return { line, column, description, severity };
  };
  return [...faults.map(noteOf("error")), ...warnings.map(noteOf("warning"))];
}

/** `onGo`: goes to the line; undefined: there is no editor to go to. */
export function NoteList({
  faults,
  faultCount,
  warnings,
  onGo,
}: {
  readonly faults: readonly VersionFault[];
  readonly faultCount: number;
  readonly warnings: readonly VersionFault[];
  readonly onGo?: (place: EditorPlace) => void;
}) {
  if (faults.length + warnings.length === 0) return null;
  return (
    <section className="draft-notes card" aria-label="What is wrong with the draft">
      <ul>
        {faults.slice(0, SHOWN).map((fault) => (
          <Note key={keyOf(fault)} fault={fault} onGo={onGo} />
        ))}
        {warnings.slice(0, SHOWN).map((fault) => (
          <Note key={`warning ${keyOf(fault)}`} fault={fault} onGo={onGo} isWarning />
        ))}
      </ul>
      {faultCount > SHOWN && <p className="muted">And {faultCount - SHOWN} more faults.</p>}
    </section>
  );
}

function Note({
  fault: { line, column, path, description },
  onGo,
  isWarning = false,
}: {
  readonly fault: VersionFault;
  readonly onGo: ((place: EditorPlace) => void) | undefined;
  readonly isWarning?: boolean;
}) {
  const Icon = isWarning ? TriangleAlert : CircleX;
  const place = line === 0 ? "the file" : `line ${line}`;
  return (
    <li data-tone={isWarning ? "warn" : "bad"}>
      <Icon size={15} aria-hidden="true" />
      <span className="spoken">{isWarning ? "Warning" : "Fault"} </span>
      {onGo && line > 0 ? (
        <button type="button" className="link" onClick={() => onGo({ line, column })}>
          {place}
        </button>
      ) : (
        <span>{place}</span>
      )}
      <span>
        {path !== "" && (
          <code>
            <PlainText most={200}>{path}</PlainText>
          </code>
        )}{" "}
        <PlainText most={500}>{description}</PlainText>
      </span>
    </li>
  );
}

function keyOf({ line, column, path, description }: VersionFault): string {
  return `${line}:${column} ${path} ${description}`;
}
