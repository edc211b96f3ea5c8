/**
 * The services of workflows.ops.v1, as tables: which function answers which RPC.
 * Boundary: nothing more; scopes are in scopes.ts.
 */
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Runs, WatchRequest } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { depsOfCall } from "./call-workspace.ts";
import { explainWith } from "./explain/explain.ts";
import { answerGetAttempts, answerGetHistory } from "./history.ts";
import { answerGetPayload } from "./payloads.ts";
import { answerGetTree } from "./run-tree.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";
import { answerWatch } from "./watch.ts";

/** Runs, over the service's parts. */
export function runsService(parts: ServiceParts): ServiceImpl<typeof Runs> {
  return {
    explain: reading(parts, explainWith(parts.replica)),
    getHistory: reading(parts, answerGetHistory),
    getAttempts: reading(parts, answerGetAttempts),
    getTree: reading(parts, answerGetTree),
    watch: (request: WatchRequest, context: HandlerContext) =>
      answerWatch({ ...depsOfCall(parts, context), ...watching(parts, context) }, request),
    getPayload: reading(parts, answerGetPayload),
  };
}

function watching({ feed }: ServiceParts, { signal }: HandlerContext) {
  return { feed, signal, nowMs: () => performance.now() };
}
