/**
 * The checks of System.Doctor, each as a sentence and what to do.
 * Boundary: pure; doctor.ts reads what they judge.
 */
import { CheckStatus } from "../../../../gen/workflows/ops/v1/system_pb.ts";
import type { CollaboratorSeen, QueueLook } from "../../../runtime/replica-view.ts";
import type { OverdueRun } from "../../../store/reads/overdue-runs.ts";

/** One check. */
export interface CheckMade {
  readonly name: string;
  readonly status: CheckStatus;
  readonly sentence: string;
  /** "" where nothing is to be done. */
  readonly action: string;
}

const { OK, WARN, FAIL } = CheckStatus;
/** A healthy publisher sends what a commit leaves within milliseconds. */
const LAG_WARN_MS = 2_000;
const LAG_FAIL_MS = 15_000;
const NAMED_AT_MOST = 5;
/** What the parts of the probe need when they do not work (readiness.ts). */
const ACTIONS: Readonly<Record<string, string>> = {
  database: "Start Postgres, or correct DATABASE_URL; nothing is accepted until then.",
  bus: "Start NATS, or correct NATS_URL and BUS_SOURCES; work is accepted, and events wait.",
  stream: "Look at the stream of BUS_STREAM in NATS; published events wait in the database.",
  migrations: "Start one replica with MIGRATE=on.",
};
const FINE: Readonly<Record<string, string>> = {
  database: "Postgres answers and takes writes.",
  bus: "NATS answers, and the sources of events are read.",
  stream: "The stream of published events takes messages.",
  migrations: "The schema is that of this version.",
};

/** A part of the probe; one that has no words here is left to its own check. */
export function partCheck(name: string, state: string): CheckMade[] {
  const fine = FINE[name];
  const action = ACTIONS[name];
  if (fine === undefined || action === undefined) return [];
  if (state === "ok") return [{ name, status: OK, sentence: fine, action: "" }];
  const isKnown = state.startsWith(DOWN);
  const sentence = isKnown ? state.slice(DOWN.length) : `It is not known how ${name} is.`;
  return [{ name, status: isKnown ? FAIL : WARN, sentence, action: isKnown ? action : "" }];
}

const DOWN = "down: ";

/** The oldest event that is not published, and its age; undefined: the database did not say. */
export function lagCheck(waitingMs: number | undefined): CheckMade {
  const name = "publisher";
  if (waitingMs === undefined) return unknown(name, "how long events have waited");
  if (waitingMs < LAG_WARN_MS) {
    return {
      name,
      status: OK,
      sentence: "Events are published as they are committed.",
      action: "",
    };
  }
  return {
    name,
    status: waitingMs < LAG_FAIL_MS ? WARN : FAIL,
    sentence: `The oldest unpublished event has waited for ${secondsOf(waitingMs)}.`,
    action:
      "Look at the checks bus and stream; events are published in their order when both work.",
  };
}

/** One check for each collaborator that is configured, and one for those that are not. */
export function collaboratorChecks(collaborators: readonly CollaboratorSeen[]): CheckMade[] {
  const unset = collaborators.filter(({ isConfigured }) => !isConfigured);
  const checks = collaborators.filter(({ isConfigured }) => isConfigured).map(collaboratorCheck);
  if (unset.length === 0) return checks;
  const names = unset.map(({ name }) => name).join(", ");
  const sentence = `Not configured: ${names}. A step that needs one of them fails and says so.`;
  return [...checks, { name: "collaborators", status: OK, sentence, action: "" }];
}

function collaboratorCheck(seen: CollaboratorSeen): CheckMade {
  const { name: who, isBuiltIn, breakerRestMs } = seen;
  const name = `collaborator:${who}`;
  if (breakerRestMs === undefined) {
    const sentence = isBuiltIn ? `${who} is built in.` : `Calls of ${who} are sent.`;
    return { name, status: OK, sentence, action: "" };
  }
  const next = breakerRestMs > 0 ? `is tried in ${secondsOf(breakerRestMs)}` : "is being tried";
  return {
    name,
    status: FAIL,
    sentence: `${who} did not answer five times in a row and ${next}.`,
    action: `Look at ${who}, or correct ${who.toUpperCase()}_URL; its calls wait and are sent again.`,
  };
}

/** Queues that have tasks and no worker; undefined: the bus did not say. */
export function queuesCheck(
  looks: readonly QueueLook[] | undefined,
  isServed: (look: QueueLook) => boolean,
): CheckMade {
  const name = "queues";
  if (looks === undefined) return unknown(name, "which queues have tasks");
  const unserved = looks.filter((look) => !isServed(look));
  if (unserved.length === 0) {
    const sentence = "Each queue that has tasks has a worker.";
    return { name, status: OK, sentence, action: "" };
  }
  return {
    name,
    status: WARN,
    sentence: `Tasks wait in queues without a worker: ${listOf(unserved.map(({ queue }) => queue))}.`,
    action: "Start a worker of each queue; tasks wait until then.",
  };
}

/** Messages that were put aside; undefined: the database did not say. */
export function lettersCheck(open: number | undefined): CheckMade {
  const name = "dead_letters";
  if (open === undefined) return unknown(name, "whether messages are put aside");
  if (open === 0) return { name, status: OK, sentence: "No message is put aside.", action: "" };
  return {
    name,
    status: WARN,
    sentence: `Messages that could not be read or handled are put aside: ${open}.`,
    action: "Read them by `workflows dlq list`, then retry or discard them.",
  };
}

/** Runs that should have FAILED by their deadline; undefined: the database did not say. */
export function overdueCheck(overdue: readonly OverdueRun[] | undefined): CheckMade {
  const name = "deadlines";
  if (overdue === undefined) return unknown(name, "whether runs are past their deadline");
  const [first] = overdue;
  if (first === undefined) {
    return { name, status: OK, sentence: "No run is past its deadline.", action: "" };
  }
  const since = first.deadlineAt.toISOString();
  return {
    name,
    status: FAIL,
    sentence: `Runs are past their deadline and still open, the first since ${since}: ${listOf(overdue.map(({ runId }) => runId))}.`,
    action: "Look at the log for `timers`: no replica fires them.",
  };
}

/** What could not be read. */
function unknown(name: string, what: string): CheckMade {
  return { name, status: WARN, sentence: `It is not known ${what}.`, action: "" };
}

function listOf(names: readonly string[]): string {
  const more = names.length - NAMED_AT_MOST;
  const named = names.slice(0, NAMED_AT_MOST).join(", ");
  return more > 0 ? `${named} and ${more} more` : named;
}

function secondsOf(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
