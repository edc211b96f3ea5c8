/** The command line that does the same as a page or a button. */
import { useApi } from "../api/api.tsx";
import { CopyButton } from "./copy.tsx";

/** `workflows` and its arguments, quoted for a shell where they must be. What is copied has the server and the workspace, too. */
export function CliLine({ args }: { readonly args: readonly string[] }) {
  const { cliFlags } = useApi();
  const line = ["workflows", ...args].map(quoted).join(" ");
  const whole = ["workflows", ...args, ...cliFlags].map(quoted).join(" ");
  return (
    <span className="cli">
      <code>
        <span aria-hidden="true" className="prompt">
          ${" "}
        </span>
        {line}
      </code>
      <CopyButton text={whole} what="the command" />
    </span>
  );
}

/** Arguments of a command with the reason, where there is one. */
export function withReason(args: readonly string[], reason: string): string[] {
  return reason === "" ? [...args] : [...args, "--reason", reason];
}

function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
