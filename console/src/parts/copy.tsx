/** What can be copied: ids and command lines. */
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

const SHOWN_MS = 1_500;

/** A button that copies a text and says that it did. `what`: of which thing, for screen readers. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [copied, setCopied] = useState<"yes" | "no" | undefined>();
  useEffect(() => {
    if (copied === undefined) return;
    const timer = setTimeout(() => setCopied(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    // There is no clipboard on a page that came without TLS from another machine.
    const writing = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("none"));
    writing.then(
      () => setCopied("yes"),
      () => setCopied("no"),
    );
  };
  const Icon = copied === "yes" ? Check : Copy;
  return (
    <button type="button" className="copy" onClick={copy} aria-label={`Copy ${what}`} title="Copy">
      <Icon size={13} aria-hidden="true" />
      <span className="spoken" aria-live="polite">
        {copied === "yes" ? "Copied" : copied === "no" ? "The browser does not allow it" : ""}
      </span>
    </button>
  );
}

/** An id in a fixed-width font, with a button that copies it. `isShort`: its beginning alone is shown. */
export function CopyId({
  id,
  isShort = false,
}: {
  readonly id: string;
  readonly isShort?: boolean;
}) {
  return (
    <span className="copy-id">
      <code title={id}>{isShort ? shortId(id) : id}</code>
      <CopyButton text={id} what={id} />
    </span>
  );
}

const SHORT_CHARS = 12;

/** The beginning of an id, as lists show it. */
export function shortId(id: string): string {
  return id.length <= SHORT_CHARS + 1 ? id : `${id.slice(0, SHORT_CHARS)}…`;
}
