/**
 * The editor of a workflow file: YAML with colours, and what is wrong at its place. It is loaded when it is opened.
 * Boundary: CodeMirror is known here alone; which faults there are is the service's to say.
 */
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Text, Transaction } from "@codemirror/state";
import { tags } from "@lezer/highlight";
import { basicSetup, EditorView } from "codemirror";
import { useEffect, useRef } from "react";
import { NONCE } from "../../../api/base.ts";
import "./editor.css";

/** A sentence at a place of the text; line and column count from 1. */
export interface EditorNote {
  readonly line: number;
  readonly column: number;
  readonly description: string;
  readonly severity: "error" | "warning";
}

/** Where the editor is to go; another object goes there again. */
export interface EditorPlace {
  readonly line: number;
  readonly column: number;
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--info)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--warn)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--muted)" },
  { tag: [tags.invalid], color: "var(--bad)" },
]);

export function Editor({
  text,
  label,
  notes,
  place,
  isReadOnly,
  onType,
}: {
  readonly text: string;
  /** For readers of screens. */
  readonly label: string;
  readonly notes: readonly EditorNote[];
  readonly place: EditorPlace | undefined;
  readonly isReadOnly: boolean;
  readonly onType: (text: string) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ text, onType });
  latest.current = { text, onType };
  useEffect(() => {
    if (host.current === null) return;
    const made = new EditorView({
      parent: host.current,
      doc: latest.current.text,
      extensions: [
        basicSetup,
        yaml(),
        syntaxHighlighting(COLOURS),
        lintGutter(),
        EditorView.lineWrapping,
        EditorView.cspNonce.of(NONCE),
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
        EditorState.readOnly.of(isReadOnly),
        EditorView.updateListener.of(({ docChanged, state }) => {
          if (docChanged) latest.current.onType(state.doc.toString());
        }),
      ],
    });
    view.current = made;
    return () => made.destroy();
  }, [label, isReadOnly]);
  useEffect(() => {
    const now = view.current;
    if (now === undefined || now.state.doc.toString() === withLineFeeds(text)) return;
    // What was not typed here is not taken back here, and the caret stays where it is.
    now.dispatch({
      changes: changeTo(now.state.doc.toString(), withLineFeeds(text)),
      annotations: Transaction.addToHistory.of(false),
    });
  }, [text]);
  useEffect(() => {
    const now = view.current;
    if (now === undefined) return;
    now.dispatch(setDiagnostics(now.state, diagnosticsOf(now.state.doc, notes)));
  }, [notes]);
  useEffect(() => {
    const now = view.current;
    if (now === undefined || place === undefined) return;
    const anchor = offsetOf(now.state.doc, place);
    now.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, CENTER) });
    now.focus();
  }, [place]);
  return <div className="draft-editor" ref={host} />;
}

const CENTER = { y: "center" } as const;

/** The one place at which two texts differ. */
function changeTo(before: string, after: string) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

/** As the editor gives a text back. */
function withLineFeeds(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n");
}

/** From each place to the end of its line, so that something can be seen. */
function diagnosticsOf(doc: Text, notes: readonly EditorNote[]): Diagnostic[] {
  return notes.map(({ description, severity, ...place }) => {
    const from = offsetOf(doc, place);
    const to = Math.max(from, doc.lineAt(from).to);
    return { from, to, severity, message: description };
  });
}

/** The text may be a newer one than that which was checked. */
function offsetOf(doc: Text, { line, column }: EditorPlace): number {
  const { from, to } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Math.min(from + Math.max(column - 1, 0), to);
}
