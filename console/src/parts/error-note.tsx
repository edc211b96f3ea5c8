/** An error, in words, where its answer would be. */
import { TriangleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";
import { Link } from "wouter";
import { WorkflowsError } from "../../../src/client/errors.ts";
import { wordsOf } from "../api/words.ts";
import { paths } from "../paths.ts";

export function ErrorNote({
  error,
  onRetry,
}: {
  readonly error: unknown;
  readonly onRetry?: (() => unknown) | undefined;
}) {
  const { title, detail } = wordsOf(error);
  // What is not there does not come by asking again.
  const isGone = error instanceof WorkflowsError && error.code === "NOT_FOUND";
  return (
    <div className="error-note" role="alert">
      <TriangleAlert size={18} aria-hidden="true" />
      <div>
        <p className="error-title">{title}</p>
        <p className="error-detail">{detail}</p>
        {isGone && (
          <p className="error-detail">
            It may be of another workspace, or older than what is kept.{" "}
            <Link href={paths.home}>Home</Link>
          </p>
        )}
        {onRetry && !isGone && (
          <button type="button" onClick={() => onRetry()}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}

interface BoundaryProps {
  readonly children: ReactNode;
}

/** Keeps a fault of a page within it. A page that cannot be loaded is most often of an older version of the service. */
export class ErrorBoundary extends Component<BoundaryProps, { readonly error: unknown }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return <ErrorNote error={error} onRetry={() => location.reload()} />;
  }
}
