/**
 * A field for an expression, or for a text with `{{ }}`, with completion of what may be named there. Loaded when it is drawn.
 * Boundary: CodeMirror; the names are text/scope.ts's.
 */
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  closeBrackets,
  completionKeymap,
} from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { EditorView, minimalSetup } from "codemirror";
import { useEffect, useRef } from "react";
import { NONCE } from "../../../api/base.ts";
import type { ScopeName } from "./text/scope.ts";
import "../draft/editor.css";

export function ExpressionField({
  labelId,
  text,
  scope,
  isTemplate,
  isReadOnly,
  onType,
  onLeave,
}: {
  /** The element that names it. */
  readonly labelId: string;
  readonly text: string;
  readonly scope: readonly ScopeName[];
  /** Expressions stand in `{{ }}`. */
  readonly isTemplate: boolean;
  readonly isReadOnly: boolean;
  readonly onType: (text: string) => void;
  readonly onLeave: () => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ text, scope, onType, onLeave });
  latest.current = { text, scope, onType, onLeave };
  useEffect(() => {
    if (host.current === null) return;
    const made = new EditorView({
      parent: host.current,
      doc: latest.current.text,
      extensions: [
        minimalSetup,
        closeBrackets(),
        autocompletion({
          override: [(context) => complete(context, latest.current.scope, isTemplate)],
          icons: false,
        }),
        keymap.of(completionKeymap),
        EditorView.lineWrapping,
        EditorView.cspNonce.of(NONCE),
        EditorView.contentAttributes.of({ "aria-labelledby": labelId, tabindex: "0" }),
        EditorState.readOnly.of(isReadOnly),
        EditorView.updateListener.of(({ docChanged, state, focusChanged, view: { hasFocus } }) => {
          if (docChanged) latest.current.onType(state.doc.toString());
          if (focusChanged && !hasFocus) latest.current.onLeave();
        }),
      ],
    });
    view.current = made;
    return () => made.destroy();
  }, [labelId, isTemplate, isReadOnly]);
  useEffect(() => {
    const now = view.current;
    if (now === undefined || now.state.doc.toString() === text) return;
    now.dispatch({ changes: { from: 0, to: now.state.doc.length, insert: text } });
  }, [text]);
  return <div className="draft-editor expression" ref={host} />;
}

/** What may follow; nothing outside of `{{ }}` in a text. */
function complete(context: CompletionContext, scope: readonly ScopeName[], isTemplate: boolean) {
  const before = context.state.sliceDoc(0, context.pos);
  if (isTemplate && before.lastIndexOf("{{") <= before.lastIndexOf("}}")) return null;
  const word = context.matchBefore(/[\w.[\]"]*/);
  if (word === null || (word.from === word.to && !context.explicit)) return null;
  const options = scope.map(
    ({ label, detail, kind }): Completion => ({ label, detail, type: kind }),
  );
  return { from: word.from, options, validFor: /^[\w.[\]"]*$/ };
}
