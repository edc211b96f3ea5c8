/** Calls to the objectives service: an objective for an agent, and its end when it is no longer wanted. */

import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { ObjectiveService } from "../../../gen/objectives/v1/objectives_pb.ts";
import { CallFailure } from "../../collaborators/call-failure.ts";
import type { CallResult } from "../../engine/values/call.ts";
import { readCreateObjective } from "../../wire/calls/replies.ts";
import type { Performer, PerformerDeps } from "./performer.ts";

const CANCELLED: CallResult = { ok: true, value: { kind: "cancel_objective" } };

/** ObjectiveService.Create */
export function performCreateObjective({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const objectives = clients.require("objectives");
    const { create } = ObjectiveService.method;
    return readCreateObjective(await objectives.create(create, call.request, call));
  };
}

/**
 * ObjectiveService.Cancel; an objective that is gone or has ended counts as cancelled.
 * It creates nothing, so it has no idempotency key: under a key a stored failure would be the answer for as long as the
 * key lives, and the objective would stay open.
 */
export function performCancelObjective({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const objectives = clients.require("objectives");
    const { cancel } = ObjectiveService.method;
    try {
      await objectives.ask(cancel, fromBinary(cancel.input, call.request), call);
      return CANCELLED;
    } catch (error) {
      if (isPointless(error)) return CANCELLED;
      throw error;
    }
  };
}

function isPointless(error: unknown): boolean {
  if (!(error instanceof CallFailure) || error.kind !== "answered") return false;
  return error.code === Code.NotFound || error.code === Code.FailedPrecondition;
}
