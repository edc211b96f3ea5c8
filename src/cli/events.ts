/** `workflows events`: sends an event, as the bus would bring it. What the service publishes is tail-events.ts. */
import { toJson } from "@bufbuild/protobuf";
import { PublishEventResponseSchema } from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { type Call, textOption } from "./call.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readJsonObject } from "./json-option.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";
import { tailEvents } from "./tail-events.ts";

/** Sends, or shows. */
export async function run(call: Call): Promise<number> {
  const [action = "", type = ""] = call.args;
  if (action === "tail") return await tailEvents(call, type);
  if (action !== "send") throw usageFault(`"${action}" is not tail or send`);
  if (type === "") throw usageFault("a type is missing: workflows events send TYPE");
  return await send(call, type);
}

/** Prints the event's id. */
async function send(call: Call, type: string): Promise<number> {
  const { options, out } = call;
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
  else {
    const known = answer.duplicate ? " (a duplicate: the stream had it)" : "";
    out.line(`${answer.id} ${answer.stream}/${answer.streamSeq}${known}`);
  }
  return EXIT.done;
}
