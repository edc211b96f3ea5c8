/** `workflows deployments`: what is deployed where, and what was. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Deployment,
  DeploymentSchema,
  DeploymentState,
} from "../../gen/workflows/ops/v1/deployments_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { EXIT } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { type Output, timeText } from "./output.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

const CURRENT = [DeploymentState.ACTIVE, DeploymentState.PENDING_APPROVAL];

/** Newest first. */
export async function run(call: Call): Promise<number> {
  const { out } = call;
  const service = connectService(await readSettings(call.options));
  const { id: definitionId } = await requireDefinition(service, call.args[0] ?? "");
  const { deployments, totalSize } = await service.sources.listDeployments({
    definitionId,
    environment: textOption(call, "environment") ?? "",
    states: flagOption(call, "all") ? [] : CURRENT,
    pageSize: readCount(call, "limit") ?? 20,
  });
  if (out.json) for (const each of deployments) out.object(jsonOf(each));
  else if (out.quiet) for (const each of deployments) out.line(each.id);
  else {
    const head = ["ENVIRONMENT", "VERSION", "STATE", "DEPLOYED", "BY", "NOTE"];
    out.table(head, deployments.map(rowOf));
    if (deployments.length === 0) out.talk("nothing is deployed");
    else if (totalSize > deployments.length)
      out.talk(`${deployments.length} of ${totalSize}; --limit shows more`);
  }
  return EXIT.done;
}

/** One deployment in a line. */
export function printDeployment(deployment: Deployment, out: Output): void {
  const { id, environment, version, state } = deployment;
  if (out.json) out.object(jsonOf(deployment));
  else if (out.quiet) out.line(id);
  else out.line(`${environment} version ${version} ${nameOf(DeploymentState, state)}`);
}

function jsonOf(deployment: Deployment): Json {
  return toJson(DeploymentSchema, deployment, { useProtoFieldName: true }) as Json;
}

function rowOf(deployment: Deployment): string[] {
  const { environment, version, state, at, deployedBy, deployedVia, note } = deployment;
  const time = timeText(at === undefined ? undefined : timestampDate(at));
  const by = `${deployedBy}${deployedVia === "" ? "" : ` through ${deployedVia}`}`;
  return [environment, String(version), nameOf(DeploymentState, state), time, by, note];
}
