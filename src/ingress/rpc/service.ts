/**
 * WorkflowService: one line an RPC.
 * Boundary: which function answers which RPC, nothing more.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import type { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import {
  answerCreateDefinition,
  answerGetDefinition,
  answerListDefinitions,
  answerListVersions,
  answerPublishVersion,
} from "./definitions.ts";
import {
  answerCancelRun,
  answerCompensateRun,
  answerPauseRun,
  answerResumeRun,
} from "./lifecycle.ts";
import { answerGetRun, answerListRuns, answerStartRun } from "./runs.ts";
import type { ServiceDeps } from "./service-deps.ts";
import { answerTransitionStep } from "./steps.ts";
import { answerHandleTrigger } from "./triggers.ts";

/** The service's RPCs over its parts. */
export function workflowService(deps: ServiceDeps): ServiceImpl<typeof WorkflowService> {
  return {
    createDefinition: (request) => answerCreateDefinition(deps, request),
    getDefinition: (request) => answerGetDefinition(deps, request),
    listDefinitions: (request) => answerListDefinitions(deps, request),
    publishVersion: (request) => answerPublishVersion(deps, request),
    listVersions: (request) => answerListVersions(deps, request),
    startRun: (request) => answerStartRun(deps, request),
    handleTrigger: (request) => answerHandleTrigger(deps, request),
    getRun: (request) => answerGetRun(deps, request),
    listRuns: (request) => answerListRuns(deps, request),
    transitionStep: (request) => answerTransitionStep(deps, request),
    pauseRun: (request) => answerPauseRun(deps, request),
    resumeRun: (request) => answerResumeRun(deps, request),
    cancelRun: (request) => answerCancelRun(deps, request),
    compensateRun: (request) => answerCompensateRun(deps, request),
  };
}
