/** The command line that does the same as a page or a button. */
import { CopyButton } from "./copy.tsx";

/** `workflows` and its arguments, quoted for a shell where they must be. */
export function CliLine({ args }: { readonly args: readonly string[] }) {
  const line = ["workflows", ...args].map(quoted).join(" ");
  return (
    <span className="cli">
      <code>
        <span aria-hidden="true" className="prompt">
          ${" "}
        </span>
        {line}
      </code>
      <CopyButton text={line} what="the command" />
    </span>
  );
}

function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
