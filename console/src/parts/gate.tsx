/** A page of one question, which is asked before the others: who signs in, or which workspace. */
import { Workflow } from "lucide-react";
import { type ReactNode, useEffect } from "react";

export function Gate({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Workflows`;
  }, [title]);
  return (
    <main className="gate">
      <div className="card gate-card">
        <p className="brand">
          <Workflow size={20} aria-hidden="true" />
          Workflows
        </p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
