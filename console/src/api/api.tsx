/**
 * The service as the pages see it: typed clients, and the configuration.
 * Boundary: retries, keys of calls and errors are of the client of this project (src/client); this adds the session.
 */
import { createContext, type ReactNode, useContext, useMemo } from "react";
import { createWorkflowsClient, type WorkflowsClient } from "../../../src/client/client.ts";
import { SERVICE_URL } from "./base.ts";
import type { ConsoleConfig } from "./config.ts";
import { useSession } from "./session.ts";

/** What each page may use. */
export interface Api {
  readonly config: ConsoleConfig;
  readonly client: WorkflowsClient;
}

const ApiContext = createContext<Api | undefined>(undefined);

/** Gives the pages their client, a new one when the session changes. */
export function ApiProvider({
  config,
  children,
}: {
  readonly config: ConsoleConfig;
  readonly children: ReactNode;
}) {
  const { token, actor } = useSession();
  const api = useMemo(() => {
    const who =
      config.authMode === "none"
        ? actor !== undefined && { actor }
        : token !== undefined && { token };
    const client = createWorkflowsClient({ baseUrl: SERVICE_URL, via: "console", ...who });
    return { config, client };
  }, [config, token, actor]);
  return <ApiContext value={api}>{children}</ApiContext>;
}

/** The client and the configuration. */
export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === undefined) throw new Error("this is rendered outside of ApiProvider");
  return api;
}
