/** What callers of the service import: `import { createClient } from "workflows/client"`, with the messages of the contract. */
export * from "../../gen/workflows/ops/v1/dead_letters_pb.ts";
export * from "../../gen/workflows/ops/v1/deployments_pb.ts";
export * from "../../gen/workflows/ops/v1/endpoints_pb.ts";
export * from "../../gen/workflows/ops/v1/hooks_pb.ts";
export * from "../../gen/workflows/ops/v1/inbox_pb.ts";
export * from "../../gen/workflows/ops/v1/previews_pb.ts";
export * from "../../gen/workflows/ops/v1/reruns_pb.ts";
export * from "../../gen/workflows/ops/v1/run_limits_pb.ts";
export * from "../../gen/workflows/ops/v1/runs_pb.ts";
export * from "../../gen/workflows/ops/v1/schedules_pb.ts";
export * from "../../gen/workflows/ops/v1/simulations_pb.ts";
export * from "../../gen/workflows/ops/v1/starters_pb.ts";
export * from "../../gen/workflows/ops/v1/step_kinds_pb.ts";
export * from "../../gen/workflows/ops/v1/system_pb.ts";
export * from "../../gen/workflows/ops/v1/templates_pb.ts";
export * from "../../gen/workflows/ops/v1/version_diffs_pb.ts";
export * from "../../gen/workflows/ops/v1/workflow_changes_pb.ts";
export * from "../../gen/workflows/ops/v1/workflow_facts_pb.ts";
export * from "../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
export * from "../../gen/workflows/ops/v1/workflow_stats_pb.ts";
export * from "../../gen/workflows/ops/v1/workflow_watch_pb.ts";
export * from "../../gen/workflows/ops/v1/workflows_pb.ts";
export * from "../../gen/workflows/v1/workflows_pb.ts";
export {
  type ClientOptions,
  createWorkflowsClient as createClient,
  type WorkflowsClient,
} from "./client.ts";
export { type ErrorCode, type FieldFault, WorkflowsError } from "./errors.ts";
export type { IteratorOptions, Lists } from "./lists.ts";
export type { CursorStore, TailOptions, Watches, WatchOptions } from "./watches.ts";
