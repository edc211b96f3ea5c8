/**
 * WorkflowService: one line an RPC that reads; of one that writes also how it is done once.
 * Boundary: which function answers which RPC, nothing more.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import {
  answerCreateDefinition,
  answerGetDefinition,
  answerListDefinitions,
  answerListVersions,
  answerPublishVersion,
  readDefinition,
  readPublished,
} from "./definitions.ts";
import {
  doneOnce,
  namedWorkspace,
  workspaceOfDefinition,
  workspaceOfRun,
  workspaceOfStart,
} from "./done-once.ts";
import {
  answerCancelRun,
  answerCompensateRun,
  answerPauseRun,
  answerResumeRun,
} from "./lifecycle.ts";
import { answerGetRun, answerListRuns, answerStartRun, readRunMessage } from "./runs.ts";
import type { ServiceDeps } from "./service-deps.ts";
import { answerTransitionStep, readStep } from "./steps.ts";
import { answerHandleTrigger } from "./triggers.ts";

const { method } = WorkflowService;

/** The service's RPCs over its parts. */
export function workflowService(deps: ServiceDeps): ServiceImpl<typeof WorkflowService> {
  return {
    createDefinition: doneOnce(deps, method.createDefinition, {
      workspaceOf: namedWorkspace,
      answer: answerCreateDefinition,
      answerAgain: (parts, _, definitionId) => readDefinition(parts, definitionId),
    }),
    getDefinition: (request) => answerGetDefinition(deps, request),
    listDefinitions: (request) => answerListDefinitions(deps, request),
    publishVersion: doneOnce(deps, method.publishVersion, {
      workspaceOf: workspaceOfDefinition,
      answer: answerPublishVersion,
      answerAgain: (parts, _, versionId) => readPublished(parts, versionId),
    }),
    listVersions: (request) => answerListVersions(deps, request),
    startRun: doneOnce(deps, method.startRun, {
      workspaceOf: workspaceOfStart,
      answer: answerStartRun,
      answerAgain: readRunAnswer,
    }),
    // Routed again as the same event, which changes nothing: it is marked only when its answer is too large to keep.
    handleTrigger: doneOnce(deps, method.handleTrigger, {
      workspaceOf: namedWorkspace,
      answer: answerHandleTrigger,
      answerAgain: answerHandleTrigger,
    }),
    getRun: (request) => answerGetRun(deps, request),
    listRuns: (request) => answerListRuns(deps, request),
    transitionStep: doneOnce(deps, method.transitionStep, {
      workspaceOf: (parts, { runId }) => workspaceOfRun(parts, runId),
      answer: answerTransitionStep,
      answerAgain: readStep,
    }),
    pauseRun: doneOnce(deps, method.pauseRun, changingRun(answerPauseRun)),
    resumeRun: doneOnce(deps, method.resumeRun, changingRun(answerResumeRun)),
    cancelRun: doneOnce(deps, method.cancelRun, changingRun(answerCancelRun)),
    compensateRun: doneOnce(deps, method.compensateRun, changingRun(answerCompensateRun)),
  };
}

function changingRun<Answer>(answer: Answer) {
  return {
    workspaceOf: (deps: ServiceDeps, { id }: { id: string }) => workspaceOfRun(deps, id),
    answer,
    answerAgain: readRunAnswer,
  };
}

async function readRunAnswer(deps: ServiceDeps, _request: object, runId: string) {
  return { run: await readRunMessage(deps, runId) };
}
