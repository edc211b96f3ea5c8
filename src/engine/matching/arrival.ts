/**
 * What arrives for a step that exists, as an input of the engine: an event, a report or an owner's answer.
 * Boundary: routing, kept events, early reports and answers of owners all come through here, so that their inputs and
 * causes are equal. Which step an arrival is for is decided before; whether the step takes it is decided in the transition.
 */
import type { BusEvent, EventReport, ObjectReport } from "../values/event.ts";
import type { ArrivedEvent, Cause, Input } from "../values/input.ts";

/** Where a report comes from: an event, or the call that asked the owner. */
export interface Origin {
  readonly kind: "event" | "call";
  /** Id of the event or of the call. */
  readonly id: string;
  /** The acting agent; "" when the origin names none. */
  readonly actorAgentId: string;
}

/** The input of a wait that an event fits. */
export function eventInput(stepIndex: number, event: ArrivedEvent, actorAgentId: string): Input {
  const { id, source, type, subject, time, data, extensions } = event;
  const facts = { id, source, type, subject, time, data };
  return {
    kind: "event_arrived",
    cause: causeOf({ kind: "event", id, actorAgentId }, actorAgentId),
    stepIndex,
    event: extensions === undefined ? facts : { ...facts, extensions },
  };
}

/**
 * The input of a step that waits for the object of a report, or with `ifCurrent` of one that may. The cause of a decision
 * names who decided.
 */
export function reportInput(
  stepIndex: number,
  report: ObjectReport,
  origin: Origin,
  ifCurrent?: true,
): Input {
  const guess = ifCurrent === undefined ? {} : { ifCurrent };
  switch (report.kind) {
    case "owner": {
      const cause = causeOf(origin, origin.actorAgentId);
      return { kind: "owner_reported", cause, stepIndex, report: report.report, ...guess };
    }
    case "approval": {
      const { decidedBy, via } = report.report;
      const cause = causeOf(origin, decidedBy);
      const told = via === undefined ? cause : { ...cause, via };
      return { kind: "approval_decided", cause: told, stepIndex, report: report.report, ...guess };
    }
  }
}

/** The input of a governance decision, which names its step itself. */
export function governanceInput(
  { report }: Extract<EventReport, { kind: "governance" }>,
  origin: Origin,
): Input {
  return { kind: "governance_decided", cause: causeOf(origin, origin.actorAgentId), report };
}

/** An event as the origin of its report. */
export function originOf({ id, actorAgentId }: Pick<BusEvent, "id" | "actorAgentId">): Origin {
  return { kind: "event", id, actorAgentId };
}

/** An event as the cause of a move. */
export function eventCause(event: BusEvent): Cause {
  return causeOf(originOf(event), event.caller?.by || event.actorAgentId);
}

function causeOf({ kind, id }: Origin, by: string): Cause {
  return by === "" ? { kind, id } : { kind, id, by };
}
