/**
 * The simulation that a Deploy depends on: the version is played with the vars that it is to have.
 * Boundary: reads what the request names; the thread of source texts plays it (simulate-source.ts), and nothing is stored here.
 */
import type { DeployRequest } from "../../../gen/workflows/ops/v1/deployments_pb.ts";
import type { Simulation } from "../../engine/simulation/simulation.ts";
import { findEnvironment } from "../../engine/values/environment.ts";
import type { DeployOrder } from "../../runtime/deployments.ts";
import { specOfVersion } from "../../store/reads/definitions.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { requireDefinition } from "./definitions.ts";
import { invalidFields, newFaults } from "./fields.ts";
import { readRun } from "./run-answers.ts";
import { mocksOfRun } from "./run-mocks.ts";
import type { WriteDeps } from "./service-deps.ts";
import { readMocks } from "./simulation-mocks.ts";
import type { SourceReader } from "./source-reader.ts";

const FIELD = "simulation.";

/** How the version of an order is played; undefined: the request asks for none. Refuses invalid_fields. */
export async function simulationOf(
  deps: WriteDeps,
  sources: SourceReader,
  { definitionId, environment, simulation }: DeployRequest,
): Promise<DeployOrder["simulate"]> {
  if (simulation === undefined) return undefined;
  const { input = {}, mocksFromRun } = simulation;
  const faults = newFaults();
  const mocks = readMocks(simulation.mocks, faults, FIELD);
  faults.refuseIfAny();
  const { workspaceId } = await requireDefinition(deps, definitionId);
  const found = mocksFromRun === "" ? undefined : mocksOfRun(await readRun(deps, mocksFromRun));
  const named = findEnvironment(environment);
  return async (version, vars) => {
    const { callers } = deps.database;
    const source = await findVersionSource(callers, deps.visibility, version.id);
    const schema = source?.inputSchemaJson ?? undefined;
    const { id: versionId, version: definitionVersion } = version;
    const answer = await sources.simulate(workspaceId, {
      kind: "simulate",
      of: {
        spec: specOfVersion(version),
        ...(schema === undefined ? {} : { inputSchema: JSON.parse(schema) }),
      },
      request: {
        ...{ input, mocks, startMs: Date.now() },
        ...(found === undefined ? {} : { found }),
        facts: {
          ...{ workspaceId, definitionId, versionId, definitionVersion, vars },
          ...(named === undefined ? {} : { environment: named }),
        },
      },
    });
    if (answer.simulation !== undefined) return problemOf(answer.simulation);
    throw invalidFields(
      answer.faults.map(({ field, description }) => ({ field: `${FIELD}${field}`, description })),
    );
  };
}

/** Why it came to no good end, in words that follow "in its simulation". */
function problemOf({ end, outcome, sentence, path }: Simulation): string | undefined {
  if (end === "ended" && outcome === "SUCCEEDED") return undefined;
  if (end !== "ended") return `the run does not end: ${sentence}`;
  const failed = path.findLast(({ state }) => state === "FAILED");
  const where = failed === undefined ? "" : ` at step "${failed.stepId}" (${failed.errorMessage})`;
  return `the run ends ${outcome ?? "FAILED"}${where}`;
}
