/** workflows.ops.v1.Workflows, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { WatchWorkflowsRequest } from "../../../gen/workflows/ops/v1/workflow_watch_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { depsOfCall } from "./call-workspace.ts";
import {
  answerGetDeployPolicy,
  answerPutDeployPolicy,
  readDeployPolicy,
} from "./deploy-policies.ts";
import {
  answerListDeployments,
  answerWithdraw,
  deployWith,
  readDeployment,
} from "./deployments.ts";
import { diffVersionsWith } from "./diff-versions.ts";
import { doneOnce, namedWorkspace, workspaceOfDefinition, workspaceOfStart } from "./done-once.ts";
import { workspaceOfDeployment } from "./inbox-deployments.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";
import { checkVersionWith, publishSourceWith, readPublishedSource } from "./sources.ts";
import { streamCall } from "./streams.ts";
import {
  answerArchive,
  answerChangedAgain,
  answerDelete,
  answerUnarchive,
  answerUpdate,
  createdWith,
  createWith,
} from "./workflow-changes.ts";
import {
  answerDiscardDraft,
  getDraftWith,
  publishDraftWith,
  saveDraftWith,
  savedDraftWith,
} from "./workflow-drafts.ts";
import { answerDeleteHook, answerListHooks, answerPutHook, readHook } from "./workflow-hooks.ts";
import { answerListWorkflows } from "./workflow-list.ts";
import {
  answerListMissedTriggers,
  answerPause,
  answerReplayMissedTriggers,
  answerResume,
  readPause,
} from "./workflow-pauses.ts";
import { answerGetStats } from "./workflow-stats.ts";
import { answerWatchWorkflows } from "./workflow-watch.ts";
import { answerGetVersion, answerGetWorkflow, answerListVersionHeads } from "./workflows.ts";

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
      answerAgain: readPublishedSource,
    }),
    getVersion: reading(parts, answerGetVersion),
    listVersionHeads: reading(parts, answerListVersionHeads),
    ...drafts(parts),
    ...changes(parts),
    diffVersions: reading(parts, diffVersionsWith(parts.sources)),
    watchWorkflows: watching(parts),
    deploy: doneOnce(parts, method.deploy, {
      workspaceOf: workspaceOfDefinition,
      answer: deployWith(parts.sources),
      answerAgain: readDeployment,
    }),
    withdrawDeployment: doneOnce(parts, method.withdrawDeployment, {
      workspaceOf: (deps, { id }) => workspaceOfDeployment(deps, id),
      answer: answerWithdraw,
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
      workspaceOf: workspaceOfDefinition,
      answer: answerPause,
      answerAgain: readPause,
    }),
    resume: doneOnce(parts, method.resume, {
      workspaceOf: workspaceOfDefinition,
      answer: answerResume,
      answerAgain: async () => ({}),
    }),
    ...hooks(parts),
    listMissedTriggers: reading(parts, answerListMissedTriggers),
    // What is starting already is skipped, so that a repeat needs no mark.
    replayMissedTriggers: doneOnce(parts, method.replayMissedTriggers, {
      workspaceOf: workspaceOfDefinition,
      answer: answerReplayMissedTriggers,
      answerAgain: answerReplayMissedTriggers,
    }),
  };
}

function watching(parts: ServiceParts) {
  const { workflowFeed, streamLimits } = parts;
  return (request: WatchWorkflowsRequest, context: HandlerContext) => {
    const call = {
      ...depsOfCall(parts, context),
      ...streamCall(parts, context, method.watchWorkflows),
    };
    return answerWatchWorkflows({ ...call, workflowFeed }, request, streamLimits);
  };
}

function drafts(parts: ServiceParts) {
  const { sources } = parts;
  return {
    getDraft: reading(parts, getDraftWith(sources)),
    saveDraft: doneOnce(parts, method.saveDraft, {
      workspaceOf: workspaceOfDefinition,
      answer: saveDraftWith(sources),
      answerAgain: savedDraftWith(sources),
    }),
    discardDraft: doneOnce(parts, method.discardDraft, {
      workspaceOf: workspaceOfDefinition,
      answer: answerDiscardDraft,
      answerAgain: async () => ({}),
    }),
    publishDraft: doneOnce(parts, method.publishDraft, {
      workspaceOf: workspaceOfDefinition,
      answer: publishDraftWith(sources),
      answerAgain: readPublishedSource,
    }),
  };
}

function hooks(parts: ServiceParts) {
  return {
    putHook: doneOnce(parts, method.putHook, {
      workspaceOf: namedWorkspace,
      answer: answerPutHook,
      answerAgain: readHook,
      isShownOnce: true,
    }),
    listHooks: reading(parts, answerListHooks),
    deleteHook: doneOnce(parts, method.deleteHook, {
      workspaceOf: namedWorkspace,
      answer: answerDeleteHook,
      answerAgain: async () => ({}),
    }),
  };
}

function changes(parts: ServiceParts) {
  const again = { workspaceOf: workspaceOfDefinition, answerAgain: answerChangedAgain };
  return {
    create: doneOnce(parts, method.create, {
      workspaceOf: namedWorkspace,
      answer: createWith(parts.sources),
      answerAgain: createdWith(parts.sources),
    }),
    update: doneOnce(parts, method.update, { ...again, answer: answerUpdate }),
    archive: doneOnce(parts, method.archive, { ...again, answer: answerArchive }),
    unarchive: doneOnce(parts, method.unarchive, { ...again, answer: answerUnarchive }),
    delete: doneOnce(parts, method.delete, {
      workspaceOf: workspaceOfStart,
      answer: answerDelete,
      answerAgain: async () => ({}),
    }),
  };
}
