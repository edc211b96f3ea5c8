/**
 * A call without a result: the service that it asks is away, left alone by its breaker, or has just been asked.
 * Boundary: pure. Tries and errors of a call are in the memory of the replica that makes it; another replica knows its age.
 */
import { Party_Kind, ReasonCode } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { OpenCall } from "../../../store/reads/run-waits.ts";
import { ownersOf } from "./owners.ts";
import { at, type Ender, type OpenStep, type Reason, seconds } from "./reason.ts";
import type { RunFacts } from "./run-facts.ts";

/** A call that is older has not been answered at its first try. */
const AWAY_AFTER_MS = 10_000;
/** Past this age a call that creates something is given up (collaborators/call-policy.ts). */
const GIVEN_UP_AFTER_MS = 23 * 60 * 60 * 1000;

/** Why the step waits for this call. */
export function callReason(facts: RunFacts, { step }: OpenStep, call: OpenCall): Reason {
  const { nowMs, replica } = facts;
  const owners = ownersOf(call.kind, step.def);
  const createdAtMs = call.createdAt.getTime();
  const inHand = replica?.findCall(call.callId);
  const shared = { sinceMs: createdAtMs, ...lastErrorOf(inHand?.lastError) };
  const what = `step ${step.def.id} waits for the answer to ${call.kind}`;
  if (owners.length === 0) {
    return {
      code: ReasonCode.CALL,
      sentence: `${what}, a call of the service to itself`,
      ...shared,
    };
  }
  const endsBy = owners.map((id): Ender => ({ kind: Party_Kind.SERVICE, id }));
  const away = { ...shared, endsBy, givesUpAtMs: createdAtMs + GIVEN_UP_AFTER_MS };
  const resting = owners.find((name) => replica?.breakerRestMs(name) !== undefined);
  if (resting !== undefined) {
    const nextTryAtMs = nowMs + (replica?.breakerRestMs(resting) ?? 0);
    const sentence = `${what}; the circuit breaker of ${resting} is open, and a probe goes out at ${at(nextTryAtMs)}`;
    return { code: ReasonCode.BREAKER_OPEN, sentence, ...away, nextTryAtMs };
  }
  const named = owners.join(" or ");
  if (inHand !== undefined && inHand.tries > 0) {
    const { tries, nextTryInMs } = inHand;
    const next = nextTryInMs === undefined ? {} : { nextTryAtMs: nowMs + nextTryInMs };
    const sentence = `${what}; ${named} did not answer ${tries === 1 ? "the first try" : `${tries} tries`}, and the call is tried again`;
    return { code: ReasonCode.COLLABORATOR_AWAY, sentence, ...away, ...next };
  }
  const ageMs = nowMs - createdAtMs;
  if (ageMs >= AWAY_AFTER_MS) {
    const elsewhere = inHand === undefined ? "; another replica makes the call" : "";
    const sentence = `${what}; ${named} has not answered for ${seconds(ageMs)}${elsewhere}`;
    return { code: ReasonCode.COLLABORATOR_AWAY, sentence, ...away };
  }
  return { code: ReasonCode.CALL, sentence: what, ...away };
}

function lastErrorOf(lastError = "") {
  return lastError === "" ? {} : { lastError };
}
