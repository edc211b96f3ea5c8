/**
 * Simulate: reads the request, what it names, and answers with what the thread played (simulate-source.ts).
 * Boundary: requests and answers. Nothing is stored.
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type SimulateRequest,
  SimulateRequestSchema,
} from "../../../gen/workflows/ops/v1/simulations_pb.ts";
import { findVersion, specOfVersion } from "../../store/reads/definitions.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { toSimulationMessage } from "../../wire/simulations.ts";
import { requireDefinition } from "./definitions.ts";
import { checkFields, type Faults, invalidFields } from "./fields.ts";
import { readRun } from "./run-answers.ts";
import { mocksOfRun } from "./run-mocks.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import { readMocks } from "./simulation-mocks.ts";
import type { SourceReader } from "./source-reader.ts";
import { requireWorkflow } from "./sources.ts";
import { unknownVersion } from "./workflow-message.ts";

/** A virtual year 9999 is reached from here. */
const LATEST_START_MS = Date.UTC(8_999, 11, 31);

/** Simulate. */
export function simulateWith(sources: SourceReader) {
  return async (deps: Omit<WriteDeps, "write">, request: SimulateRequest) => {
    const { definitionId, sourceText, mocksFromRun } = request;
    const faults = checkFields(SimulateRequestSchema, request);
    if ((definitionId === "") === (sourceText === "")) {
      faults.add("definition_id", "or source_text is required, and not both");
    }
    if (request.version < 0) faults.add("version", "is negative");
    if (request.version > 0 && definitionId === "") faults.add("version", "needs definition_id");
    const startMs = readStart(request, faults);
    const mocks = readMocks(request.mocks, faults);
    faults.refuseIfAny();
    const found = mocksFromRun === "" ? undefined : mocksOfRun(await readRun(deps, mocksFromRun));
    const stored = definitionId === "" ? undefined : await requireVersion(deps, request);
    const of = stored?.version ?? sourceText;
    const workspaceId = stored?.facts.workspaceId ?? deps.caller?.workspaceId ?? "";
    const answer = await sources.simulate(workspaceId, {
      kind: "simulate",
      of,
      request: {
        ...{ input: request.input ?? {}, mocks, startMs },
        ...(found === undefined ? {} : { found }),
        ...(stored === undefined ? {} : { facts: stored.facts }),
      },
    });
    if (answer.unread !== undefined) requireWorkflow(answer.unread);
    if (answer.simulation === undefined) throw invalidFields(answer.faults);
    return { simulation: toSimulationMessage(answer.simulation) };
  };
}

function readStart({ startAt }: SimulateRequest, faults: Faults): number {
  if (startAt === undefined) return Date.now();
  const startMs = timestampMs(startAt);
  if (startMs >= 0 && startMs <= LATEST_START_MS) return startMs;
  faults.add("start_at", "is outside of the years 1970 to 8999");
  return 0;
}

async function requireVersion(deps: ReadDeps, { definitionId, version }: SimulateRequest) {
  const { callers } = deps.database;
  const definition = await requireDefinition(deps, definitionId);
  const number = version || definition.latestVersion;
  const row = await findVersion(callers, deps.visibility, definitionId, number);
  if (row === undefined) throw unknownVersion(definitionId, number);
  const source = await findVersionSource(callers, deps.visibility, row.id);
  const schema = source?.inputSchemaJson;
  return {
    version: {
      spec: specOfVersion(row),
      ...(schema === null || schema === undefined ? {} : { inputSchema: JSON.parse(schema) }),
    },
    facts: {
      ...{ workspaceId: definition.workspaceId, definitionId, versionId: row.id },
      definitionVersion: row.version,
    },
  };
}
