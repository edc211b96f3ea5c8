/** workflows.ops.v1.Inbox, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { Inbox, type InboxWatchRequest } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { depsOfCall } from "./call-workspace.ts";
import { doneOnce, workspaceOfRun } from "./done-once.ts";
import { answerCompleteTask, answerDecide, answerGetItem, readItem } from "./inbox.ts";
import { answerClaim, answerComment, answerDelegate, answerRelease } from "./inbox-changes.ts";
import { isDeploymentItem, workspaceOfDeployment } from "./inbox-deployments.ts";
import { answerCountInbox, answerListInbox } from "./inbox-list.ts";
import { answerWatchInbox } from "./inbox-watch.ts";
import { reading } from "./service.ts";
import type { ReadDeps } from "./service-deps.ts";
import type { ServiceParts } from "./service-parts.ts";
import { streamCall } from "./streams.ts";

const { method } = Inbox;

/** Inbox, over the service's parts. */
export function inboxService(parts: ServiceParts): ServiceImpl<typeof Inbox> {
  return {
    list: reading(parts, answerListInbox),
    count: reading(parts, answerCountInbox),
    get: reading(parts, answerGetItem),
    decide: doneOnce(parts, method.decide, {
      workspaceOf: workspaceOfItem,
      answer: answerDecide,
      answerAgain: answerDecide,
    }),
    completeTask: doneOnce(parts, method.completeTask, {
      workspaceOf: workspaceOfItem,
      answer: answerCompleteTask,
      answerAgain: async (deps, { id }) => ({ item: await readItem(deps, id) }),
    }),
    watch: (request: InboxWatchRequest, context: HandlerContext) =>
      answerWatchInbox(
        {
          ...depsOfCall(parts, context),
          ...streamCall(parts, context, method.watch),
          inboxFeed: parts.inboxFeed,
        },
        request,
        parts.streamLimits,
      ),
    claim: doneOnce(parts, method.claim, changing(answerClaim)),
    release: doneOnce(parts, method.release, changing(answerRelease)),
    delegate: doneOnce(parts, method.delegate, changing(answerDelegate)),
    comment: doneOnce(parts, method.comment, changing(answerComment)),
  };
}

/** A repeat finds its note, and changes nothing. */
function changing<Answer>(answer: Answer) {
  return { workspaceOf: workspaceOfItem, answer, answerAgain: answer };
}

/** Of an item's run, whose id its own begins with, or of a deployment. */
function workspaceOfItem(deps: ReadDeps, { id }: { id: string }): Promise<string | undefined> {
  if (isDeploymentItem(id)) return workspaceOfDeployment(deps, id);
  return workspaceOfRun(deps, id.split("/", 1)[0] ?? "");
}
