/** workflows.ops.v1.Workflows, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { ServiceImpl } from "@connectrpc/connect";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  answerGetDeployPolicy,
  answerPutDeployPolicy,
  readDeployPolicy,
} from "./deploy-policies.ts";
import { answerDeploy, answerListDeployments, readDeployment } from "./deployments.ts";
import { doneOnce, namedWorkspace, workspaceOfDefinition } from "./done-once.ts";
import { reading } from "./service.ts";
import type { ReadDeps } from "./service-deps.ts";
import type { ServiceParts } from "./service-parts.ts";
import { checkVersionWith, publishSourceWith, readPublishedSource } from "./sources.ts";
import {
  answerListMissedTriggers,
  answerPause,
  answerReplayMissedTriggers,
  answerResume,
  readPause,
} from "./workflow-pauses.ts";
import { answerGetStats } from "./workflow-stats.ts";
import {
  answerGetVersion,
  answerGetWorkflow,
  answerListVersionHeads,
  answerListWorkflows,
} from "./workflows.ts";

const { method } = Workflows;

const workspaceOfWorkflow = (deps: ReadDeps, { workflowId }: { workflowId: string }) =>
  workspaceOfDefinition(deps, { definitionId: workflowId });

/** Workflows, over the service's parts. */
export function workflowsService(parts: ServiceParts): ServiceImpl<typeof Workflows> {
  return {
    get: reading(parts, answerGetWorkflow),
    list: reading(parts, answerListWorkflows),
    checkVersion: reading(parts, checkVersionWith(parts.sources)),
    publishSource: doneOnce(parts, method.publishSource, {
      workspaceOf: namedWorkspace,
      answer: publishSourceWith(parts.sources),
      answerAgain: readPublishedSource,
    }),
    getVersion: reading(parts, answerGetVersion),
    listVersionHeads: reading(parts, answerListVersionHeads),
    deploy: doneOnce(parts, method.deploy, {
      workspaceOf: workspaceOfDefinition,
      answer: answerDeploy,
      answerAgain: readDeployment,
    }),
    listDeployments: reading(parts, answerListDeployments),
    getDeployPolicy: reading(parts, answerGetDeployPolicy),
    putDeployPolicy: doneOnce(parts, method.putDeployPolicy, {
      workspaceOf: namedWorkspace,
      answer: answerPutDeployPolicy,
      answerAgain: readDeployPolicy,
    }),
    getStats: reading(parts, answerGetStats),
    pause: doneOnce(parts, method.pause, {
      workspaceOf: workspaceOfWorkflow,
      answer: answerPause,
      answerAgain: readPause,
    }),
    resume: doneOnce(parts, method.resume, {
      workspaceOf: workspaceOfWorkflow,
      answer: answerResume,
      answerAgain: async () => ({}),
    }),
    listMissedTriggers: reading(parts, answerListMissedTriggers),
    // What is starting already is skipped, so that a repeat needs no mark.
    replayMissedTriggers: doneOnce(parts, method.replayMissedTriggers, {
      workspaceOf: workspaceOfWorkflow,
      answer: answerReplayMissedTriggers,
      answerAgain: answerReplayMissedTriggers,
    }),
  };
}
