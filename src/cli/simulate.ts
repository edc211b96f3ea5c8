/** `workflows simulate`: plays a file on a virtual clock, by the code that the service and the console use. No service is needed. */
import { create, toJson } from "@bufbuild/protobuf";
import { SimulationSchema } from "../../gen/workflows/ops/v1/simulations_pb.ts";
import type { GraphFault } from "../engine/graph/graph.ts";
import { parsePointInTime } from "../engine/graph/point-in-time.ts";
import { simulate } from "../engine/simulation/simulate.ts";
import type { Simulation } from "../engine/simulation/simulation.ts";
import type { Json, JsonObject } from "../engine/values/json.ts";
import { findInputProblems } from "../file/input-problems.ts";
import { readMocks } from "../file/read-mocks.ts";
import { toSimulationMessage } from "../wire/simulations.ts";
import { type Call, textOption } from "./call.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { requireSound } from "./files.ts";
import { readJsonObject } from "./json-option.ts";
import { readMockOptions } from "./mock-options.ts";
import { showSimulation } from "./show-simulation.ts";

/** Prints the path, and ends as the run did. */
export async function run(call: Call): Promise<number> {
  const { args, out } = call;
  const [file] = requireSound(args.slice(0, 1), out);
  if (file === undefined) throw usageFault("name a workflow file");
  const input: JsonObject = readJsonObject(call, "input", "inputFile") ?? {};
  const { mocks, faults } = readMocks(readMockOptions(call));
  faults.push(...findInputProblems(file.workflow.inputSchema, input));
  refuse(faults);
  const request = { input, mocks, startMs: readStart(call) };
  const { simulation, faults: unfit } = simulate(file.workflow.spec, request);
  refuse(unfit);
  if (simulation === undefined) throw new CliFailure("nothing was simulated", EXIT.failed);
  if (out.json) {
    const message = create(SimulationSchema, toSimulationMessage(simulation));
    out.object(toJson(SimulationSchema, message, { useProtoFieldName: true }) as Json);
  } else showSimulation(file.workflow.name, simulation, out);
  return exitOf(simulation);
}

function refuse(faults: readonly GraphFault[]): void {
  if (faults.length === 0) return;
  const lines = faults.map(({ field, description }) => `${field} ${description}`);
  throw usageFault(["nothing was simulated", ...lines].join("\n"));
}

function exitOf({ end, outcome }: Simulation): number {
  if (end !== "ended") return EXIT.timedOut;
  return outcome === "SUCCEEDED" ? EXIT.done : EXIT.failed;
}

function readStart(call: Call): number {
  const text = textOption(call, "at");
  if (text === undefined) return Date.now();
  const at = parsePointInTime(text);
  if (at === undefined) throw usageFault(`--at "${text}" is no time such as 2026-12-01T09:00:00Z`);
  return at;
}
