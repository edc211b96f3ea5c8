/** What a page shows where there is nothing: why, and the command that changes it. */
import type { ReactNode } from "react";
import { CliLine } from "./cli-line.tsx";

export function Empty({
  title,
  hint,
  cli,
  children,
}: {
  readonly title: string;
  readonly hint?: string;
  /** Arguments of the next command. */
  readonly cli?: readonly string[];
  readonly children?: ReactNode;
}) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {hint && <p>{hint}</p>}
      {cli && <CliLine args={cli} />}
      {children}
    </div>
  );
}
