/** workflows.ops.v1.Workflows, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { ServiceImpl } from "@connectrpc/connect";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { doneOnce, namedWorkspace } from "./done-once.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";
import { checkVersionWith, publishSourceWith, readPublishedSource } from "./sources.ts";
import {
  answerGetVersion,
  answerGetWorkflow,
  answerListVersionHeads,
  answerListWorkflows,
} from "./workflows.ts";

const { method } = Workflows;

/** Workflows, over the service's parts. */
export function workflowsService(parts: ServiceParts): ServiceImpl<typeof Workflows> {
  return {
    get: reading(parts, answerGetWorkflow),
    list: reading(parts, answerListWorkflows),
    checkVersion: reading(parts, checkVersionWith(parts.sources)),
    publishSource: doneOnce(parts, method.publishSource, {
      workspaceOf: namedWorkspace,
      answer: publishSourceWith(parts.sources),
      answerAgain: (deps, _, madeId) => readPublishedSource(deps, madeId),
    }),
    getVersion: reading(parts, answerGetVersion),
    listVersionHeads: reading(parts, answerListVersionHeads),
  };
}
