/** `workflows changes`: what happens to workflows, as it happens. A service that is away for less than a minute is gone on with. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type WatchWorkflowsResponse,
  WatchWorkflowsResponseSchema,
} from "../../gen/workflows/ops/v1/workflow_watch_pb.ts";
import { follow } from "../client/follow.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { EXIT, isAway } from "./failure.ts";
import { oneLine } from "./one-line.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

const AWAY_AT_MOST_MS = 60_000;

/** Prints each change until it is interrupted. */
export async function run(call: Call): Promise<number> {
  const [workflow] = call.args;
  const service = connectService(await readSettings(call.options));
  const { sources, settings } = service;
  const request = {
    workspaceId: settings.workspace,
    definitionId: workflow === undefined ? "" : (await requireDefinition(service, workflow)).id,
    operations: readNames(textOption(call, "operation")),
  };
  let after = textOption(call, "after") ?? "";
  process.on("SIGINT", () => process.exit(EXIT.interrupted));
  // Nothing is left to do for a reader that is gone.
  process.stdout.once("error", () => process.exit(EXIT.done));
  const open = (signal: AbortSignal) => {
    const fromOldest = after === "" && flagOption(call, "fromOldest");
    return sources.watchWorkflows({ ...request, after, fromOldest }, { signal, timeoutMs: 0 });
  };
  const messages = follow({ open, isEndless: true, isCut: isAway, awayMs: AWAY_AT_MOST_MS });
  for await (const message of messages) {
    if (after === "") call.out.talk(`changes after ${message.cursor}; Ctrl-C ends it`);
    after = message.cursor;
    print(message, call);
  }
  return EXIT.done;
}

function print(message: WatchWorkflowsResponse, { out }: Call): void {
  const { cursor, change } = message;
  if (change === undefined) return;
  if (out.json) {
    out.object(
      toJson(WatchWorkflowsResponseSchema, message, { useProtoFieldName: true }) as JsonObject,
    );
  } else if (out.quiet) out.line(cursor);
  else {
    const at = change.at === undefined ? "" : timestampDate(change.at).toISOString();
    const name = change.data?.name;
    const facts = [at, change.operation, change.definitionId, typeof name === "string" ? name : ""];
    const through = change.via === "" ? "" : ` through ${change.via}`;
    out.line([...facts, `${change.by}${through}`, change.reason].map(oneLine).join("\t"));
  }
}

function readNames(text = ""): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
