/** `workflows mcp`: the tools of the Model Context Protocol over standard input and output. Boundary: tools are src/mcp/. */
import { once } from "node:events";
import { findEnvironment } from "../engine/values/environment.ts";
import { serveTerminal } from "../mcp/serve.ts";
import { clientsOver, until } from "../mcp/world.ts";
import { VERSION } from "../process/version.ts";
import { type Call, textOption } from "./call.ts";
import { EXIT, findFailure } from "./failure.ts";
import { connectService } from "./service.ts";
import { readSettings, requireHeaderText } from "./settings.ts";

/** Serves until the client closes the input. Standard output is the protocol's alone. */
export async function run(call: Call): Promise<number> {
  const { options, out } = call;
  const environment = textOption(call, "environment");
  const settings = {
    ...(await readSettings(options)),
    ...(environment === undefined
      ? {}
      : { environment: requireHeaderText(environment, "the name of --environment") }),
  };
  const ended = once(process.stdin, "close");
  const clients = connectService(settings, undefined, "mcp");
  const terminal = serveTerminal(
    {
      clients,
      clientsUntil: (signal) => clientsOver(until(signal, clients.transport)),
      workspaceId: settings.workspace,
      environment: findEnvironment(settings.environment) ?? "",
      consoleUrl: `${settings.server}/console`,
      describe: (error) => (findFailure(error) ?? toError(error)).message,
    },
    VERSION,
  );
  out.talk(`MCP for ${settings.server}, until the input ends`);
  await ended;
  await terminal.close();
  return EXIT.done;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
