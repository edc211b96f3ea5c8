/**
 * WorkflowService: one line an RPC that reads; of one that writes also how it is done once.
 * Boundary: which function answers which RPC, nothing more.
 */
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import { depsOfCall } from "./call-workspace.ts";
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
import { readRunMessage } from "./run-answers.ts";
import { answerGetRun, answerListRuns, answerStartRun } from "./runs.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { ServiceParts } from "./service-parts.ts";
import { answerTransitionStep, readStep } from "./steps.ts";
import { answerHandleTrigger } from "./triggers.ts";

const { method } = WorkflowService;

/** The service's RPCs over its parts. */
export function workflowService(parts: ServiceParts): ServiceImpl<typeof WorkflowService> {
  return {
    createDefinition: doneOnce(parts, method.createDefinition, {
      workspaceOf: namedWorkspace,
      answer: answerCreateDefinition,
      answerAgain: (deps, _, definitionId) => readDefinition(deps, definitionId),
    }),
    getDefinition: reading(parts, answerGetDefinition),
    listDefinitions: reading(parts, answerListDefinitions),
    publishVersion: doneOnce(parts, method.publishVersion, {
      workspaceOf: workspaceOfDefinition,
      answer: answerPublishVersion,
      answerAgain: (deps, _, versionId) => readPublished(deps, versionId),
    }),
    listVersions: reading(parts, answerListVersions),
    startRun: doneOnce(parts, method.startRun, {
      workspaceOf: workspaceOfStart,
      answer: answerStartRun,
      answerAgain: readRunAnswer,
    }),
    // Routed again as the same event, which changes nothing: it is marked only when its answer is too large to keep.
    handleTrigger: doneOnce(parts, method.handleTrigger, {
      workspaceOf: namedWorkspace,
      answer: answerHandleTrigger,
      answerAgain: answerHandleTrigger,
    }),
    getRun: reading(parts, answerGetRun),
    listRuns: reading(parts, answerListRuns),
    transitionStep: doneOnce(parts, method.transitionStep, {
      workspaceOf: (deps, { runId }) => workspaceOfRun(deps, runId),
      answer: answerTransitionStep,
      answerAgain: readStep,
    }),
    pauseRun: doneOnce(parts, method.pauseRun, changingRun(answerPauseRun)),
    resumeRun: doneOnce(parts, method.resumeRun, changingRun(answerResumeRun)),
    cancelRun: doneOnce(parts, method.cancelRun, changingRun(answerCancelRun)),
    compensateRun: doneOnce(parts, method.compensateRun, changingRun(answerCompensateRun)),
  };
}

/** The handler of an RPC that reads. */
export function reading<Request, Answer>(
  parts: ServiceParts,
  answer: (deps: Omit<WriteDeps, "write">, request: Request) => Promise<Answer>,
) {
  return (request: Request, context: HandlerContext) => {
    // A read by GET is the caller's own, and is asked for anew each time.
    if (context.requestMethod === "GET") {
      context.responseHeader.set("cache-control", "private, no-cache");
    }
    return answer(depsOfCall(parts, context), request);
  };
}

function changingRun<Answer>(answer: Answer) {
  return {
    workspaceOf: (deps: ReadDeps, { id }: { id: string }) => workspaceOfRun(deps, id),
    answer,
    answerAgain: readRunAnswer,
  };
}

async function readRunAnswer(deps: ReadDeps, _request: object, runId: string) {
  return { run: await readRunMessage(deps, runId) };
}
