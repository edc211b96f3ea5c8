/** `workflows deploy`: deploys a version to an environment, or ends what is deployed there. */
import { DeploymentState } from "../../gen/workflows/ops/v1/deployments_pb.ts";
import { mergePatch } from "../engine/values/merge-patch.ts";
import { readMocks } from "../file/read-mocks.ts";
import { toMockMessages } from "../wire/simulations.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { printDeployment } from "./deployments.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import { readFields } from "./field-options.ts";
import { readJsonObject } from "./json-option.ts";
import { readMockOptions } from "./mock-options.ts";
import { readCount } from "./numbers.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";

/** Prints the deployment. */
export async function run(call: Call): Promise<number> {
  const environment = textOption(call, "to");
  if (environment === undefined) throw usageFault("--to says where: --to staging");
  const version = readCount(call, "version");
  const fromEnvironment = textOption(call, "from");
  if (version !== undefined && fromEnvironment !== undefined) {
    throw usageFault("give --version or --from, not both");
  }
  const changed = readFields(call, "var");
  const simulation = readSimulation(call);
  const service = connectService(await readSettings(call.options), textOption(call, "key"));
  const { id: definitionId } = await requireDefinition(service, call.args[0] ?? "");
  const vars =
    changed === undefined ? {} : await changedVars(service, { definitionId, environment }, changed);
  const { deployment } = await service.sources.deploy({
    ...{ definitionId, environment, version: version ?? 0, ...vars },
    fromEnvironment: fromEnvironment ?? "",
    reason: textOption(call, "reason") ?? "",
    retire: flagOption(call, "retire"),
    ...(simulation === undefined ? {} : { simulation }),
  });
  if (deployment === undefined) {
    throw new CliFailure("the service answers without a deployment", EXIT.failed);
  }
  printDeployment(deployment, call.out);
  return EXIT.done;
}

/** What `--simulate` asks for; undefined without it. */
function readSimulation(call: Call) {
  const input = readJsonObject(call, "input", "inputFile");
  const mocksFromRun = textOption(call, "mocksFrom");
  const { mocks, faults } = readMocks(readMockOptions(call));
  if (faults.length > 0) {
    const lines = faults.map(({ field, description }) => `${field} ${description}`);
    throw usageFault(["nothing was deployed", ...lines].join("\n"));
  }
  if (flagOption(call, "simulate")) {
    return { input: input ?? {}, mocks: toMockMessages(mocks), mocksFromRun: mocksFromRun ?? "" };
  }
  if (input === undefined && mocksFromRun === undefined && mocks.size === 0) return undefined;
  throw usageFault("--input, --mocks-from, --mock, --deny, --fail and --silent are for --simulate");
}

/** The vars that are deployed there with those of the options; the version that they were read of must still be there. */
async function changedVars(
  { sources }: Service,
  place: { readonly definitionId: string; readonly environment: string },
  changed: NonNullable<ReturnType<typeof readFields>>,
) {
  const states = [DeploymentState.ACTIVE];
  const { deployments } = await sources.listDeployments({ ...place, states, pageSize: 1 });
  const [active] = deployments;
  return {
    vars: mergePatch(active?.vars ?? {}, changed),
    expectedVersion: active?.version ?? 0,
  };
}
