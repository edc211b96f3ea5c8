/**
 * System.Doctor: what is wrong with the service, and what to do.
 * Boundary: reads what checks.ts judges. What cannot be read is a check that says so, never an error: an operator asks when
 * parts are away.
 */
import {
  CheckStatus,
  type DoctorRequest,
  DoctorRequestSchema,
} from "../../../../gen/workflows/ops/v1/system_pb.ts";
import { PARTITIONS } from "../../../runtime/partition.ts";
import type { ReplicaView } from "../../../runtime/replica-view.ts";
import { countOpenLetters } from "../../../store/reads/dead-letters.ts";
import { findOverdueRuns } from "../../../store/reads/overdue-runs.ts";
import { readDatabaseState } from "../../../store/service-reads/database-state.ts";
import { checkFields } from "../fields.ts";
import type { ReadDeps } from "../service-deps.ts";
import type { ServiceParts } from "../service-parts.ts";
import {
  type CheckMade,
  collaboratorChecks,
  lagCheck,
  lettersCheck,
  overdueCheck,
  partCheck,
  queuesCheck,
} from "./checks.ts";
import { requireView } from "./info.ts";

/** Beyond it a run that is due is one that no timer fired; a timer fires within 2 s. */
const OVERDUE_SECONDS = 30;
const OVERDUE_AT_MOST = 100;

/** Doctor, with the probe of readiness and what this replica knows. */
export function doctorWith(parts: ServiceParts) {
  return async (deps: ReadDeps, request: DoctorRequest) => {
    checkFields(DoctorRequestSchema, request).refuseIfAny();
    const { workspaceId } = request;
    const view = requireView(parts.replica);
    const { lists } = deps.database;
    const [probed, state, looks, letters, overdue] = await Promise.all([
      known(parts.probe()),
      known(readDatabaseState(parts.database.read, PARTITIONS)),
      known(view.lookAtQueues(workspaceId)),
      known(countOpenLetters(lists, deps.visibility, workspaceId)),
      known(findOverdueRuns(lists, deps.visibility, workspaceId, OVERDUE)),
    ]);
    const checks: CheckMade[] = [
      ...Object.entries(probed?.parts ?? {}).flatMap(([name, word]) => partCheck(name, word)),
      lagCheck(state?.waitingMs),
      ...collaboratorChecks(view.collaborators()),
      queuesCheck(looks, isServedBy(view, workspaceId)),
      lettersCheck(letters),
      overdueCheck(overdue),
    ];
    return { checks, status: worstOf(checks), replicaId: view.facts.id };
  };
}

const OVERDUE = { overSeconds: OVERDUE_SECONDS, limit: OVERDUE_AT_MOST };

function isServedBy(view: ReplicaView, workspaceId: string) {
  const served = new Set((view.findWorkers(workspaceId) ?? []).map(keyOf));
  return (look: { workspaceId: string; queue: string }) => served.has(keyOf(look));
}

function keyOf({ workspaceId, queue }: { workspaceId: string; queue: string }): string {
  return JSON.stringify([workspaceId, queue]);
}

function worstOf(checks: readonly CheckMade[]): CheckStatus {
  const { OK, WARN, FAIL } = CheckStatus;
  return [FAIL, WARN].find((worse) => checks.some(({ status }) => status === worse)) ?? OK;
}

async function known<T>(asked: Promise<T>): Promise<T | undefined> {
  return asked.catch(() => undefined);
}
