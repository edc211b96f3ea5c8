/**
 * The services of workflows.ops.v1, as tables: which function answers which RPC.
 * Boundary: nothing more; scopes are in scopes.ts.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { Runs, type TailEventsRequest } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { depsOfCall } from "./call-workspace.ts";
import { answerPublishEvent } from "./caller-events.ts";
import {
  answerDiscardDeadLetters,
  answerListDeadLetters,
  answerRetryDeadLetters,
  workspaceOfLetters,
} from "./dead-letters.ts";
import { doneOnce, namedWorkspace, workspaceOfRun } from "./done-once.ts";
import { explainWith } from "./explain/explain.ts";
import { answerGetAttempts, answerGetHistory } from "./history.ts";
import { answerGetPayload } from "./payloads.ts";
import { answerPreviewCancel, answerPreviewCompensation } from "./previews.ts";
import { answerPlanRerun } from "./rerun-plan.ts";
import { answerRerun, answerRerunAgain } from "./reruns.ts";
import { answerResumeWith } from "./resume-with.ts";
import { readRunMessage } from "./run-answers.ts";
import { answerGetTree } from "./run-tree.ts";
import { answerSearch } from "./search.ts";
import { reading } from "./service.ts";
import type { ReadDeps } from "./service-deps.ts";
import type { ServiceParts } from "./service-parts.ts";
import { simulateWith } from "./simulations.ts";
import {
  answerCompleteStep,
  answerFailStep,
  answerRetryStep,
  answerSkipStep,
} from "./step-orders.ts";
import { readStep } from "./steps.ts";
import type { StreamLimits } from "./stream-limits.ts";
import { streamCall } from "./streams.ts";
import { answerTailEvents } from "./tail-events.ts";
import { answerWatch, type WatchDeps } from "./watch.ts";
import { answerWatchMany } from "./watch-many.ts";

const { method } = Runs;

/** Runs, over the service's parts. */
export function runsService(parts: ServiceParts): ServiceImpl<typeof Runs> {
  return {
    search: reading(parts, answerSearch),
    explain: reading(parts, explainWith(parts.replica)),
    getHistory: reading(parts, answerGetHistory),
    getAttempts: reading(parts, answerGetAttempts),
    getTree: reading(parts, answerGetTree),
    watch: watching(parts, method.watch, answerWatch),
    watchMany: watching(parts, method.watchMany, answerWatchMany),
    getPayload: reading(parts, answerGetPayload),
    previewCancel: reading(parts, answerPreviewCancel),
    previewCompensation: reading(parts, answerPreviewCompensation),
    planRerun: reading(parts, answerPlanRerun),
    rerun: doneOnce(parts, method.rerun, {
      workspaceOf: (deps, { runId }) => workspaceOfRun(deps, runId),
      answer: answerRerun,
      answerAgain: answerRerunAgain,
    }),
    retryStep: doneOnce(parts, method.retryStep, orderingStep(answerRetryStep)),
    skipStep: doneOnce(parts, method.skipStep, orderingStep(answerSkipStep)),
    completeStep: doneOnce(parts, method.completeStep, orderingStep(answerCompleteStep)),
    failStep: doneOnce(parts, method.failStep, orderingStep(answerFailStep)),
    resumeWith: doneOnce(parts, method.resumeWith, {
      workspaceOf: (deps, { runId }) => workspaceOfRun(deps, runId),
      answer: answerResumeWith,
      answerAgain: async (deps, { runId }) => ({ run: await readRunMessage(deps, runId) }),
    }),
    // The id of a repeat with a key is the same, and the stream and the triggers know it.
    publishEvent: doneOnce(parts, method.publishEvent, {
      workspaceOf: namedWorkspace,
      answer: answerPublishEvent,
      answerAgain: answerPublishEvent,
    }),
    tailEvents: (request: TailEventsRequest, context: HandlerContext) =>
      answerTailEvents(
        {
          ...depsOfCall(parts, context),
          ...streamCall(parts, context, method.tailEvents),
          eventFeed: parts.eventFeed,
        },
        request,
        parts.streamLimits,
      ),
    listDeadLetters: reading(parts, answerListDeadLetters),
    // A message that is handled again changes nothing, so that a repeat needs no mark.
    retryDeadLetters: doneOnce(parts, method.retryDeadLetters, {
      workspaceOf: workspaceOfLetters,
      answer: answerRetryDeadLetters,
      answerAgain: answerRetryDeadLetters,
    }),
    discardDeadLetters: doneOnce(parts, method.discardDeadLetters, {
      workspaceOf: workspaceOfLetters,
      answer: answerDiscardDeadLetters,
      answerAgain: answerDiscardDeadLetters,
    }),
    simulate: reading(parts, simulateWith(parts.sources)),
  };
}

/** A stream over the feed of runs. */
function watching<Request, Message>(
  parts: ServiceParts,
  of: DescMethod,
  answer: (deps: WatchDeps, request: Request, limits?: StreamLimits) => AsyncGenerator<Message>,
) {
  const { feed, streamLimits } = parts;
  return (request: Request, context: HandlerContext) => {
    const call = { ...depsOfCall(parts, context), ...streamCall(parts, context, of) };
    return answer({ ...call, feed }, request, streamLimits);
  };
}

function orderingStep<Answer>(answer: Answer) {
  return {
    workspaceOf: (deps: ReadDeps, { runId }: { runId: string }) => workspaceOfRun(deps, runId),
    answer,
    answerAgain: readStep,
  };
}
