/** The pages and their addresses. Each page is loaded when it is opened. */
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Link, Route, Router, Switch } from "wouter";
import { ApiProvider } from "./api/api.tsx";
import { BASE } from "./api/base.ts";
import { loadConfig } from "./api/config.ts";
import { queries } from "./api/queries.ts";
import { useSession } from "./api/session.ts";
import { Empty } from "./parts/empty.tsx";
import { ErrorBoundary, ErrorNote } from "./parts/error-note.tsx";
import { LiveInbox } from "./parts/live-inbox.tsx";
import { Loading } from "./parts/loading.tsx";
import { PageHead } from "./parts/page-head.tsx";
import { Shell } from "./parts/shell.tsx";
import { ZoneProvider } from "./parts/zone.tsx";
import { decoded, paths } from "./paths.ts";

const HomePage = lazy(() => import("./pages/home.tsx"));
const WorkflowsPage = lazy(() => import("./pages/workflows.tsx"));
const WorkflowPage = lazy(() => import("./pages/workflow.tsx"));
const RunsPage = lazy(() => import("./pages/runs.tsx"));
const RunPage = lazy(() => import("./pages/run/run-page.tsx"));
const InboxPage = lazy(() => import("./pages/inbox/inbox-page.tsx"));
const ItemPage = lazy(() => import("./pages/inbox/item-page.tsx"));
const TemplatesPage = lazy(() => import("./pages/templates.tsx"));
const TemplatePage = lazy(() => import("./pages/template.tsx"));
const SystemPage = lazy(() => import("./pages/system.tsx"));
const WorkspacePage = lazy(() => import("./pages/workspace.tsx"));
const SignInPage = lazy(() => import("./pages/sign-in.tsx"));
const SignInAgain = lazy(async () => ({
  default: (await import("./pages/sign-in.tsx")).SignInAgain,
}));

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <ZoneProvider>
        <Router base={BASE}>
          <ErrorBoundary>
            <Suspense fallback={<Loading />}>
              <SignedIn />
            </Suspense>
          </ErrorBoundary>
        </Router>
      </ZoneProvider>
    </QueryClientProvider>
  );
}

/**
 * The pages, for who is signed in where that is needed. The address stays while somebody signs in; when a token ends, the page stays too,
 * behind the question for another one.
 */
function SignedIn() {
  const { grant, person, isRefused, workspace } = useSession();
  const config = useQuery({
    queryKey: ["config"],
    queryFn: ({ signal }) => loadConfig(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (config.data === undefined) {
    if (config.isPending) return <Loading />;
    return <ErrorNote error={config.error} onRetry={() => config.refetch()} />;
  }
  const isOut = config.data.authMode !== "none" && grant === undefined;
  if (isOut && (person === 0 || !isRefused)) return <SignInPage config={config.data} />;
  if (config.data.authMode === "none" && workspace === undefined) return <WorkspacePage />;
  return (
    <ApiProvider key={person} config={config.data}>
      <LiveInbox>
        <Shell>
          <ErrorBoundary>
            <Suspense fallback={<Loading />}>
              <Pages />
            </Suspense>
          </ErrorBoundary>
        </Shell>
      </LiveInbox>
      {isOut && <SignInAgain config={config.data} />}
    </ApiProvider>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/" component={HomePage} />
      <Route path="/workflows" component={WorkflowsPage} />
      <Route path="/workflows/:id">{({ id }) => <WorkflowPage id={decoded(id)} />}</Route>
      <Route path="/runs" component={RunsPage} />
      <Route path="/runs/:id">{({ id }) => <RunPage id={decoded(id)} />}</Route>
      <Route path="/inbox" component={InboxPage} />
      <Route path="/inbox/*">{(params) => <ItemPage id={decoded(params["*"])} />}</Route>
      <Route path="/templates" component={TemplatesPage} />
      <Route path="/templates/:id">{({ id }) => <TemplatePage id={decoded(id)} />}</Route>
      <Route path="/system" component={SystemPage} />
      <Route>
        <PageHead title="There is no such page" />
        <Empty
          title="The address names no page of this console"
          hint="It may be of another version of the service."
        >
          <Link href={paths.home}>Home</Link>
        </Empty>
      </Route>
    </Switch>
  );
}
