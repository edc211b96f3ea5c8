/** The head of a page: its name, what stands beside it, and the title of the browser's tab. */
import { type ReactNode, useEffect } from "react";

export function PageHead({
  title,
  tabTitle = title,
  children,
  aside,
}: {
  readonly title: string;
  /** Of the browser's tab, where it is another one. */
  readonly tabTitle?: string;
  /** Below the name. */
  readonly children?: ReactNode;
  /** Buttons at the right. */
  readonly aside?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${tabTitle} · Workflows`;
  }, [tabTitle]);
  return (
    <header className="page-head">
      <div>
        <h1 dir="auto">{title}</h1>
        {children && <div className="page-sub">{children}</div>}
      </div>
      {aside && <div className="page-aside">{aside}</div>}
    </header>
  );
}
