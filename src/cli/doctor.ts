/** `workflows doctor`: what is wrong with the service. */
import { toJson } from "@bufbuild/protobuf";
import { type Check, CheckSchema, CheckStatus } from "../../gen/workflows/ops/v1/system_pb.ts";
import type { Json } from "../engine/values/json.ts";
import type { Call } from "./call.ts";
import { EXIT } from "./failure.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

/** A row for each check; with --quiet the names of those that are not well. */
export async function run({ options, out }: Call): Promise<number> {
  const { system, settings } = connectService(await readSettings(options));
  const { checks, status } = await system.doctor({ workspaceId: settings.workspace });
  if (out.json) for (const check of checks) out.object(jsonOf(check));
  else if (out.quiet) {
    for (const check of checks) if (check.status !== CheckStatus.OK) out.line(check.name);
  } else out.table(["CHECK", "STATUS", "FOUND", "TO DO"], checks.map(rowOf));
  return status === CheckStatus.FAIL ? EXIT.failed : EXIT.done;
}

function jsonOf(check: Check): Json {
  return toJson(CheckSchema, check, { useProtoFieldName: true }) as Json;
}

function rowOf({ name, status, sentence, action }: Check): string[] {
  return [name, nameOf(CheckStatus, status), sentence, action];
}
