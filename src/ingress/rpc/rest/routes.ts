/**
 * The table of REST: which method and path calls which RPC.
 * Boundary: data alone, which the service, the generator of openapi.json and the tests read. The aliases of other documents stand last.
 */

/** A method that changes something has a body, except DELETE. */
export type RestMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One line of the table. */
export interface Route {
  readonly method: RestMethod;
  /** `{name}` is a field of the request; `:verb` stands at the end. */
  readonly path: string;
  /** Service and RPC, such as `Runs.GetHistory`. */
  readonly rpc: string;
  /** What the body is: `*` the request, else one field of it. Unset: there is none, and the query has the fields. */
  readonly body?: string;
  /** Of an answer; 200 unless given. */
  readonly status?: 201 | 202;
  /** Where that which was made is found: a path with fields of the answer. */
  readonly location?: string;
  /** Of a stream: the field that a Last-Event-ID is. */
  readonly resumes?: string;
  /** Of a stream: the field, by its name in JSON, that says where it begins and must not stand beside `resumes`. */
  readonly begins?: string;
  /** Another path of an RPC, from other documents. */
  readonly isAlias?: true;
}

type More = Omit<Route, "method" | "path" | "rpc">;

/** All paths of the table begin so, but for some aliases. */
export const API_ROOT = "/api/v1";

const RUN = "/runs/{run.id}";

const get = (path: string, rpc: string, more: More = {}): Route => ({
  ...{ method: "GET", path: API_ROOT + path, rpc },
  ...more,
});
const remove = (path: string, rpc: string): Route => ({
  ...{ method: "DELETE", path: API_ROOT + path, rpc },
});
const write =
  (method: RestMethod) =>
  (path: string, rpc: string, more: More = {}): Route => ({
    ...{ method, path: API_ROOT + path, rpc, body: "*" },
    ...more,
  });
const post = write("POST");
const put = write("PUT");
const patch = write("PATCH");
const made = (location: string): More => ({ status: 201, location: API_ROOT + location });
const begun = (location: string): More => ({ status: 202, location: API_ROOT + location });
const startedLater: More = { status: 202 };
const resumable: More = { resumes: "after" };
const alias: More = { isAlias: true };

const DEFINITIONS: readonly Route[] = [
  post("/definitions", "WorkflowService.CreateDefinition", made("/definitions/{definition.id}")),
  get("/definitions", "WorkflowService.ListDefinitions"),
  get("/definitions/{id}", "WorkflowService.GetDefinition"),
  post(
    "/definitions/{definition_id}/versions",
    "WorkflowService.PublishVersion",
    made("/workflows/{definition.id}/versions/{version.version}"),
  ),
  get("/definitions/{definition_id}/versions", "WorkflowService.ListVersions"),
];

const RUNS: readonly Route[] = [
  post("/runs", "WorkflowService.StartRun", begun(RUN)),
  get("/runs", "Runs.Search"),
  get("/runs:list", "WorkflowService.ListRuns"),
  get("/runs:watch", "Runs.WatchMany"),
  get("/runs/{id}", "WorkflowService.GetRun"),
  get("/runs/{run_id}/events", "Runs.Watch", resumable),
  get("/runs/{run_id}/explanation", "Runs.Explain"),
  get("/runs/{run_id}/history", "Runs.GetHistory"),
  get("/runs/{run_id}/tree", "Runs.GetTree"),
  get("/runs/{run_id}/payload", "Runs.GetPayload"),
  get("/runs/{run_id}/cancellation", "Runs.PreviewCancel"),
  get("/runs/{run_id}/compensation", "Runs.PreviewCompensation"),
  post("/runs/{id}:pause", "WorkflowService.PauseRun"),
  post("/runs/{id}:resume", "WorkflowService.ResumeRun"),
  post("/runs/{id}:cancel", "WorkflowService.CancelRun"),
  post("/runs/{id}:compensate", "WorkflowService.CompensateRun"),
  post("/runs/{run_id}:resumeWith", "Runs.ResumeWith"),
  post("/runs/{run_id}:planRerun", "Runs.PlanRerun"),
  post("/runs/{run_id}:rerun", "Runs.Rerun", begun(RUN)),
  get("/runs/{run_id}/steps/{step_id}/attempts", "Runs.GetAttempts"),
  post("/runs/{run_id}/steps/{step_id}:transition", "WorkflowService.TransitionStep"),
  post("/runs/{run_id}/steps/{step_id}:retry", "Runs.RetryStep"),
  post("/runs/{run_id}/steps/{step_id}:skip", "Runs.SkipStep"),
  post("/runs/{run_id}/steps/{step_id}:complete", "Runs.CompleteStep"),
  post("/runs/{run_id}/steps/{step_id}:fail", "Runs.FailStep"),
];

const EVENTS: readonly Route[] = [
  post("/triggers:handle", "WorkflowService.HandleTrigger", startedLater),
  post("/events", "Runs.PublishEvent", startedLater),
  get("/events", "Runs.TailEvents"),
  get("/dead-letters", "Runs.ListDeadLetters"),
  post("/dead-letters:retry", "Runs.RetryDeadLetters"),
  post("/dead-letters:discard", "Runs.DiscardDeadLetters"),
];

const INBOX: readonly Route[] = [
  get("/inbox", "Inbox.List"),
  get("/inbox:count", "Inbox.Count"),
  get("/inbox:watch", "Inbox.Watch", resumable),
  get("/inbox/{id}", "Inbox.Get"),
  post("/inbox/{id}:decide", "Inbox.Decide"),
  post("/inbox/{id}:complete", "Inbox.CompleteTask"),
  post("/inbox/{id}:claim", "Inbox.Claim"),
  post("/inbox/{id}:release", "Inbox.Release"),
  post("/inbox/{id}:delegate", "Inbox.Delegate"),
  post("/inbox/{id}:comment", "Inbox.Comment"),
];

const WORKFLOWS: readonly Route[] = [
  post("/workflows", "Workflows.Create", made("/workflows/{workflow.definition.id}")),
  get("/workflows", "Workflows.List"),
  get("/workflows:watch", "Workflows.WatchWorkflows", { ...resumable, begins: "fromOldest" }),
  post("/workflows:check", "Workflows.CheckVersion"),
  post("/workflows:publish", "Workflows.PublishSource"),
  post("/workflows:simulate", "Runs.Simulate"),
  get("/workflows/{id}", "Workflows.Get"),
  get("/workflows:byName", "Workflows.Get"),
  patch("/workflows/{definition_id}", "Workflows.Update"),
  remove("/workflows/{definition_id}", "Workflows.Delete"),
  post("/workflows/{definition_id}:archive", "Workflows.Archive"),
  post("/workflows/{definition_id}:unarchive", "Workflows.Unarchive"),
  post("/workflows/{definition_id}:pause", "Workflows.Pause"),
  post("/workflows/{definition_id}:resume", "Workflows.Resume"),
  get("/workflows/{definition_id}/stats", "Workflows.GetStats"),
  get("/workflows/{definition_id}/versions", "Workflows.ListVersionHeads"),
  get("/workflows/{definition_id}/versions/{version}", "Workflows.GetVersion"),
  get("/workflows/{definition_id}/diff", "Workflows.DiffVersions"),
  get("/workflows/{definition_id}/draft", "Workflows.GetDraft"),
  put("/workflows/{definition_id}/draft", "Workflows.SaveDraft"),
  remove("/workflows/{definition_id}/draft", "Workflows.DiscardDraft"),
  post("/workflows/{definition_id}/draft:publish", "Workflows.PublishDraft"),
  get("/workflows/{definition_id}/missed-triggers", "Workflows.ListMissedTriggers"),
  post("/workflows/{definition_id}/missed-triggers:replay", "Workflows.ReplayMissedTriggers"),
];

const DEPLOYMENTS: readonly Route[] = [
  post("/workflows/{definition_id}/deployments", "Workflows.Deploy"),
  get("/workflows/{definition_id}/deployments", "Workflows.ListDeployments"),
  post("/deployments/{id}:withdraw", "Workflows.WithdrawDeployment"),
  get("/deploy-policy", "Workflows.GetDeployPolicy"),
  put("/deploy-policy", "Workflows.PutDeployPolicy"),
];

const STARTERS: readonly Route[] = [
  post("/endpoints", "Endpoints.Create", { status: 201 }),
  get("/endpoints", "Endpoints.List"),
  post("/endpoints/{id}:rotate", "Endpoints.Rotate"),
  remove("/endpoints/{id}", "Endpoints.Delete"),
  post("/schedules", "Schedules.Create", made("/schedules/{schedule.id}")),
  get("/schedules", "Schedules.List"),
  get("/schedules:preview", "Schedules.Preview"),
  get("/schedules/{id}", "Schedules.Get"),
  patch("/schedules/{id}", "Schedules.Update"),
  remove("/schedules/{id}", "Schedules.Delete"),
  post("/schedules/{id}:pause", "Schedules.Pause"),
  post("/schedules/{id}:resume", "Schedules.Resume"),
  post("/schedules/{id}:run", "Schedules.RunNow", begun("/runs/{run_id}")),
  post("/schedules/{id}:backfill", "Schedules.Backfill", startedLater),
];

const SETTINGS: readonly Route[] = [
  get("/hooks", "Workflows.ListHooks"),
  put("/hooks/{name}", "Workflows.PutHook"),
  remove("/hooks/{name}", "Workflows.DeleteHook"),
  get("/templates", "Templates.List"),
  get("/templates/{id}", "Templates.Get"),
  put("/templates/{id}", "Templates.Save"),
  remove("/templates/{id}", "Templates.Delete"),
  post("/templates/{template_id}:install", "Templates.Install", made("/workflows/{definition.id}")),
  get("/system", "System.Get"),
  get("/whoami", "System.WhoAmI"),
  get("/queues", "System.ListQueues"),
  get("/workers", "System.ListWorkers"),
  get("/doctor", "System.Doctor"),
];

const ALIASES: readonly Route[] = [
  post("/workflows/{definition_id}/publish", "Workflows.PublishDraft", alias),
  {
    ...{ method: "POST", path: "/workflows/{definition_id}/publish", body: "*" },
    ...{ rpc: "Workflows.PublishDraft", isAlias: true },
  },
  {
    ...{ method: "POST", path: "/runs", body: "*" },
    ...{ rpc: "WorkflowService.StartRun", ...begun(RUN), isAlias: true },
  },
  {
    // Who calls sends what it has, not a request of ours.
    ...{ method: "POST", path: "/api/workflows/{definition_id}/run", body: "input_payload" },
    ...{ rpc: "WorkflowService.StartRun", ...begun(RUN), isAlias: true },
  },
];

/** All routes; the first one of an RPC is its own. */
export const ROUTES: readonly Route[] = [
  ...[DEFINITIONS, RUNS, EVENTS, INBOX, WORKFLOWS].flat(),
  ...[DEPLOYMENTS, STARTERS, SETTINGS, ALIASES].flat(),
];
