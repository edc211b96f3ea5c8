/** `workflows whoami`: who calls. */
import { toJson } from "@bufbuild/protobuf";
import { WhoAmIResponseSchema } from "../../gen/workflows/ops/v1/system_pb.ts";
import type { Json } from "../engine/values/json.ts";
import type { Call } from "./call.ts";
import { EXIT } from "./failure.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

/** A fact a line; with --quiet the subject alone. */
export async function run({ options, out }: Call): Promise<number> {
  const { system } = connectService(await readSettings(options));
  const answer = await system.whoAmI({});
  const { authenticated, subject, workspaceId, scopes, isAgent } = answer;
  if (out.json)
    out.object(toJson(WhoAmIResponseSchema, answer, { useProtoFieldName: true }) as Json);
  else if (out.quiet) out.line(subject);
  else {
    const name = subject === "" ? "no name" : subject;
    out.table(
      ["FACT", "VALUE"],
      [
        ["subject", authenticated ? name : `${name} (the service has no authentication)`],
        ["workspace", workspaceId === "" ? "every one" : workspaceId],
        ["agent", isAgent ? "yes: it decides nothing" : "no"],
        ["scopes", scopes.join(", ")],
      ],
    );
  }
  return EXIT.done;
}
