/**
 * The services of workflows.ops.v1, as tables: which function answers which RPC.
 * Boundary: nothing more; scopes are in scopes.ts.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import type { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { explainWith } from "./explain/explain.ts";
import { answerGetPayload } from "./payloads.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";

/** Runs, over the service's parts. */
export function runsService(parts: ServiceParts): ServiceImpl<typeof Runs> {
  return {
    explain: reading(parts, explainWith(parts.replica)),
    getPayload: reading(parts, answerGetPayload),
  };
}
