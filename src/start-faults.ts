/**
 * What keeps a well configured service from starting, as one line that names the variable to look at.
 * Boundary: faults of the environment only, recognised by their codes. Anything else is a bug, logged with its stack.
 */
import type { Config } from "./config.ts";
import { maskUrl } from "./settings/mask.ts";
import { DatabaseUnfit, SchemaTooOld } from "./store/migrate.ts";
import { startTrouble } from "./store/pg-errors.ts";

const LISTEN_TROUBLES: Readonly<Record<string, string>> = {
  EADDRINUSE: "is taken by another process",
  EACCES: "may not be opened by this user",
  EADDRNOTAVAIL: "is no address of this machine",
};

/** The line for the operator, without secrets; undefined when the error is none of these. */
export function startFault(
  error: unknown,
  config: Pick<Config, "port" | "databaseUrl">,
): string | undefined {
  if (error instanceof SchemaTooOld) return error.message;
  const listening = listenFault(error, config.port);
  if (listening !== undefined) return listening;
  const trouble = error instanceof DatabaseUnfit ? error.message : startTrouble(error);
  return trouble === undefined
    ? undefined
    : `DATABASE_URL is ${maskUrl(config.databaseUrl)}; ${trouble}`;
}

function listenFault(error: unknown, mainPort: number): string | undefined {
  if (!(error instanceof Error && "syscall" in error && error.syscall === "listen"))
    return undefined;
  const { code, port, address } = { code: "", port: mainPort, address: "", ...error };
  const trouble = LISTEN_TROUBLES[code];
  if (trouble === undefined) return undefined;
  const variable = code === "EADDRNOTAVAIL" ? "HOST" : port === mainPort ? "PORT" : "METRICS_PORT";
  return `${variable} cannot be used: ${address}:${port} ${trouble}`;
}
