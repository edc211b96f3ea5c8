/** `workflows withdraw`: takes a deployment back that waits for an approval. */
import { type Call, textOption } from "./call.ts";
import { printDeployment } from "./deployments.ts";
import { CliFailure, EXIT } from "./failure.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

/** Prints the deployment. */
export async function run(call: Call): Promise<number> {
  const service = connectService(await readSettings(call.options), textOption(call, "key"));
  const reason = textOption(call, "reason") ?? "";
  const id = call.args[0] ?? "";
  const { deployment } = await service.sources.withdrawDeployment({ id, reason });
  if (deployment === undefined) {
    throw new CliFailure("the service answers without a deployment", EXIT.failed);
  }
  printDeployment(deployment, call.out);
  return EXIT.done;
}
