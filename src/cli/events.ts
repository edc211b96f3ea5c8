/** `workflows events send`: an event, as the bus would bring it. */
import { toJson } from "@bufbuild/protobuf";
import { PublishEventResponseSchema } from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { type Call, textOption } from "./call.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readJsonObject } from "./json-option.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

/** Prints the event's id. */
export async function run(call: Call): Promise<number> {
  const { args, options, out } = call;
  const [action = "", type = ""] = args;
  if (action !== "send") throw usageFault(`"${action}" is not send: workflows events send TYPE`);
  const data = readJsonObject(call, "data", "dataFile");
  const text = (name: string) => textOption(call, name) ?? "";
  const { runs, settings } = connectService(await readSettings(options), textOption(call, "key"));
  const answer = await runs.publishEvent({
    workspaceId: settings.workspace,
    type,
    subject: text("subject"),
    source: text("source"),
    id: text("id"),
    reason: text("reason"),
    ...(data === undefined ? {} : { data }),
  });
  if (out.json)
    out.object(toJson(PublishEventResponseSchema, answer, { useProtoFieldName: true }) as Json);
  else if (out.quiet) out.line(answer.id);
  else out.line(`${answer.id} ${answer.stream}/${answer.streamSeq}`);
  return EXIT.done;
}
