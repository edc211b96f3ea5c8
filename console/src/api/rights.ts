/** What the caller may do, by WhoAmI. Boundary: for which buttons exist; the service decides what works. */
import { useMemo } from "react";
import { useCall } from "./queries.ts";

/** Who calls, and what they may do. */
export interface Rights {
  /** Empty: nobody says, and the service has no authentication. */
  readonly subject: string;
  readonly isAuthenticated: boolean;
  /** Of the caller; empty: every workspace. */
  readonly workspaceId: string;
  /** Whether a button for this RPC makes sense, such as `workflows.v1.WorkflowService/StartRun`. The service decides anyway. */
  may(rpc: string): boolean;
}

/** The rights of the caller; before they are known nothing is allowed. */
export function useRights(): Rights {
  const { data } = useCall(["whoAmI"], ({ system }, options) => system.whoAmI({}, options), {
    staleMs: 60_000,
  });
  return useMemo(
    () => ({
      subject: data?.subject ?? "",
      isAuthenticated: data?.authenticated ?? false,
      workspaceId: data?.workspaceId ?? "",
      may: (rpc) => data !== undefined && (!data.authenticated || data.rpcs.includes(rpc)),
    }),
    [data],
  );
}
