/**
 * The services of workflows.ops.v1, as tables: which function answers which RPC.
 * Boundary: nothing more; scopes are in scopes.ts.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import type { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { explainWith } from "./explain/explain.ts";
import { answerGetAttempts, answerGetHistory } from "./history.ts";
import { answerGetPayload } from "./payloads.ts";
import { answerGetTree } from "./run-tree.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";

/** Runs, over the service's parts. */
export function runsService(parts: ServiceParts): ServiceImpl<typeof Runs> {
  return {
    explain: reading(parts, explainWith(parts.replica)),
    getHistory: reading(parts, answerGetHistory),
    getAttempts: reading(parts, answerGetAttempts),
    getTree: reading(parts, answerGetTree),
    getPayload: reading(parts, answerGetPayload),
  };
}
