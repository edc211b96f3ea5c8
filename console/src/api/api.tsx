/**
 * The service as the pages see it: typed clients, the configuration, and the workspace.
 * Boundary: retries, keys of calls and errors are of the client of this project (src/client); this adds the session.
 */
import { createContext, type ReactNode, useContext, useMemo } from "react";
import { createWorkflowsClient, type WorkflowsClient } from "../../../src/client/client.ts";
import { SERVICE_URL } from "./base.ts";
import type { ConsoleConfig } from "./config.ts";
import { tokenForCall } from "./renewal.ts";
import { useSession } from "./session.ts";

/** What each page may use. */
export interface Api {
  readonly config: ConsoleConfig;
  readonly client: WorkflowsClient;
  /** For requests with a workspace_id; empty: the token's. */
  readonly workspaceId: string;
  /** The name of who acts, where nobody signs in; "" where nobody says. Answers to one are not for another. */
  readonly actor: string;
  /** The token has ended, and there is no other one yet: nothing is asked for. */
  readonly isSignedOut: boolean;
  /** Whether calls say who acts: by a token, or by a name. */
  readonly hasActor: boolean;
  /** What a command line needs besides: the server, and the workspace. */
  readonly cliFlags: readonly string[];
}

const ApiContext = createContext<Api | undefined>(undefined);

/** Gives the pages their client, a new one when another person acts. */
export function ApiProvider({
  config,
  children,
}: {
  readonly config: ConsoleConfig;
  readonly children: ReactNode;
}) {
  const { grant, actor, workspace = "" } = useSession();
  const isSignedOut = config.authMode !== "none" && grant === undefined;
  const api = useMemo(() => {
    const isOpen = config.authMode === "none";
    const client = createWorkflowsClient({
      baseUrl: SERVICE_URL,
      via: "console",
      ...(isOpen && actor !== undefined ? { actor } : {}),
      ...(isOpen ? {} : { token: () => tokenForCall(config.oidc) }),
    });
    const workspaceId = isOpen ? workspace : "";
    const cliFlags = [
      ...["--server", SERVICE_URL],
      ...(workspaceId === "" ? [] : ["--workspace", workspaceId]),
    ];
    return {
      ...{ config, client, workspaceId, cliFlags, isSignedOut },
      ...{ actor: isOpen ? (actor ?? "") : "", hasActor: !isOpen || actor !== undefined },
    };
  }, [config, isSignedOut, actor, workspace]);
  return <ApiContext value={api}>{children}</ApiContext>;
}

/** The client, the configuration and the workspace. */
export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === undefined) throw new Error("this is rendered outside of ApiProvider");
  return api;
}
