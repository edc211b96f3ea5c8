/**
 * The services that own objectives, approvals, decisions and notifications, in memory, with a ledger of what they made.
 * Boundary: what a caller gets is the contract's messages; ends are published on the world's bus. What an objective comes
 * to is its step's own plan (`config.plan`), so that a step ends the same in every world.
 * Invariant: one object for an idempotency key; the same key with other bytes is a fault of the service.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  DecisionType,
  GetApprovalRequestSchema,
  GetApprovalResponseSchema,
  RequestApprovalRequestSchema,
  RequestApprovalResponseSchema,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import {
  ActionDecision,
  EvaluateActionResponseSchema,
} from "../../../gen/governance/v1/governance_pb.ts";
import { SendResponseSchema } from "../../../gen/notifications/v1/notifications_pb.ts";
import {
  CancelRequestSchema,
  CancelResponseSchema,
  CreateRequestSchema,
  CreateResponseSchema,
  GetRequestSchema,
  GetResponseSchema,
  ObjectiveState,
} from "../../../gen/objectives/v1/objectives_pb.ts";
import { CallFailure } from "../../../src/collaborators/call-failure.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import type { RandomNumbers } from "../random/random-numbers.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** An object that an owner made. */
export interface OwnedObject {
  readonly key: string;
  readonly workspaceId: string;
  readonly bytes: string;
  readonly answer: object;
  /** "" where nothing was made. */
  readonly objectId: string;
  /** Epoch ms. */
  readonly madeAtMs: number;
}

/** What owners work with. */
export interface OwnersWorld {
  readonly clock: VirtualClock;
  readonly random: RandomNumbers;
  readonly plan: { readonly quick: number; readonly quickMs: number };
  /** Puts an event on the bus. */
  publish(subject: string, workspaceId: string, data: JsonObject): void;
  /** A rule is broken. */
  broken(rule: string): void;
}

/** A request as an owner gets it. */
export interface OwnersRequest {
  readonly service: string;
  readonly method: string;
  readonly key: string;
  readonly workspaceId: string;
  readonly bytes: Uint8Array;
}

const LONGEST_WORK_MS = 900;
const DEAF_WORK_MS = 1_200;

/** See the file's head. */
export class Owners {
  readonly ledger = new Map<string, OwnedObject>();
  /** Objectives that are wanted no more. */
  readonly cancelled = new Set<string>();
  readonly ended = new Map<string, number>();
  /** How objectives and approval requests stand. */
  readonly #objectives = new Map<string, { workspaceId: string; state: ObjectiveState }>();
  readonly #decisions = new Map<string, { workspaceId: string; decision?: DecisionType }>();
  readonly #world: OwnersWorld;

  constructor(world: OwnersWorld) {
    this.#world = world;
  }

  /** Does what is asked, once for a key; gives the contract's message. */
  answer(request: OwnersRequest): object {
    const { key, workspaceId } = request;
    const bytes = Buffer.from(request.bytes).toString("base64");
    const known = this.ledger.get(key);
    if (known !== undefined && known.bytes !== bytes) {
      this.#world.broken(`the key ${key} came with other bytes`);
    }
    if (known !== undefined) return known.answer;
    const made = this.#make(request);
    const madeAtMs = this.#world.clock.epochMs;
    this.ledger.set(key, { key, workspaceId, bytes, madeAtMs, ...made });
    return made.answer;
  }

  /**
   * What has no key: an objective that is wanted no more, or how an object stands, in the contract's message; what an objective
   * brought is not part of it.
   */
  look(asked: string, bytes: Uint8Array): object {
    if (asked === "objectives.Get") {
      const { id } = fromBinary(GetRequestSchema, bytes);
      const found = this.#objectives.get(id);
      if (found !== undefined) return create(GetResponseSchema, { objective: { id, ...found } });
    } else if (asked === "approvals.GetApproval") {
      const { approvalRequestId: id } = fromBinary(GetApprovalRequestSchema, bytes);
      const found = this.#decisions.get(id);
      if (found !== undefined) return approvalOf(id, found);
    } else if (asked === "objectives.Cancel") {
      this.#cancel(fromBinary(CancelRequestSchema, bytes).id);
      return create(CancelResponseSchema, {});
    } else this.#world.broken(`no owner answers ${asked}`);
    throw new CallFailure("there is no such object", { kind: "answered", code: Code.NotFound });
  }

  #make(request: OwnersRequest): Pick<OwnedObject, "answer" | "objectId"> {
    const { service, method, key } = request;
    switch (`${service}.${method}`) {
      case "objectives.Create": {
        const id = `obj:${key}`;
        this.#work(request, id);
        return { answer: create(CreateResponseSchema, { objective: { id } }), objectId: id };
      }
      case "approvals.RequestApproval": {
        const id = `req:${key}`;
        this.#decide(request, id);
        const answer = create(RequestApprovalResponseSchema, { approvalRequest: { id } });
        return { answer, objectId: id };
      }
      case "governance.EvaluateAction": {
        const evaluation = { decision: ActionDecision.ALLOW };
        return { answer: create(EvaluateActionResponseSchema, { evaluation }), objectId: "" };
      }
      case "notifications.Send": {
        const id = `not:${key}`;
        return { answer: create(SendResponseSchema, { notification: { id } }), objectId: id };
      }
      default:
        this.#world.broken(`nobody answers ${service}.${method}`);
        throw new CallFailure("unimplemented", { kind: "answered", code: Code.Unimplemented });
    }
  }

  /** An agent works for a while, and the end is published; at most one end an objective. */
  #work({ bytes, workspaceId }: OwnersRequest, id: string): void {
    const { description } = fromBinary(CreateRequestSchema, bytes);
    const task: { step_id: string; attempt: number; parameters: { plan?: string } } =
      JSON.parse(description);
    const { plan } = task.parameters;
    this.#objectives.set(id, { workspaceId, state: ObjectiveState.RUNNING });
    if (plan === "silent") return;
    const fails = plan === "fail" || (plan === "fail once" && task.attempt === 1);
    const end: JsonObject = fails
      ? { id, state: "FAILED", error_message: "it broke", cost_usd: 0.25 }
      : { id, state: "COMPLETED", output_payload: { [task.step_id]: task.attempt }, cost_usd: 0.5 };
    const isDeaf = plan === "slow once" && task.attempt === 1;
    this.#later(() => {
      if (this.cancelled.has(id) && !isDeaf) return;
      this.ended.set(id, this.#world.clock.nowMs);
      this.#stands(id, fails ? ObjectiveState.FAILED : ObjectiveState.COMPLETED);
      this.#world.publish("objectives.changes.objective.transition", workspaceId, end);
    }, isDeaf);
  }

  #cancel(id: string): void {
    this.cancelled.add(id);
    if (!this.ended.has(id)) this.#stands(id, ObjectiveState.CANCELLED);
  }

  #stands(id: string, state: ObjectiveState): void {
    const known = this.#objectives.get(id);
    if (known !== undefined) this.#objectives.set(id, { ...known, state });
  }

  #decide({ bytes, workspaceId }: OwnersRequest, id: string): void {
    const { actionType } = fromBinary(RequestApprovalRequestSchema, bytes);
    const decision = actionType === "deny" ? "denied" : "approved";
    const decided = { approval_request_id: id, decision, decided_by: "ann" };
    const told = decision === "denied" ? DecisionType.DENIED : DecisionType.APPROVED;
    this.#decisions.set(id, { workspaceId });
    this.#later(() => {
      this.#decisions.set(id, { workspaceId, decision: told });
      this.#world.publish("approvals.changes.approval.decided", workspaceId, decided);
    });
  }

  #later(work: () => void, isDeaf = false): void {
    const { clock, random, plan } = this.#world;
    if (isDeaf) {
      clock.after(DEAF_WORK_MS + random.below(LONGEST_WORK_MS), work);
      return;
    }
    // Some are so quick that their event comes before the reply to the call.
    clock.after(random.chance(plan.quick) ? plan.quickMs : random.below(LONGEST_WORK_MS), work);
  }
}

function approvalOf(
  approvalRequestId: string,
  { workspaceId, decision }: { workspaceId: string; decision?: DecisionType },
): object {
  return create(GetApprovalResponseSchema, {
    approvalRequest: { id: approvalRequestId, workspaceId },
    decisions: decision === undefined ? [] : [{ decision, decidedBy: "ann" }],
    state: decision === undefined ? "pending" : "",
  });
}
