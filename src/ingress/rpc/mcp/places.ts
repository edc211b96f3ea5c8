/**
 * How many requests of MCP are under way: of the service, and of each workspace.
 * Boundary: counts.
 * Invariant: the requests of one workspace have a quarter of the places at most, so that it keeps no other one out.
 */
import { Refusal } from "../../../process/refusal.ts";

const MOST = 64;
const OF_WORKSPACE = 1 / 4;

/** The place of one request. */
export interface McpPlace {
  /** Says whose the request is. Refuses overloaded where its workspace has as many as it may. */
  ofWorkspace(workspaceId: string): void;
  /** The request is answered. */
  leave(): void;
}

/** Gives each request its place. Refuses overloaded where there is none. */
export function createMcpPlaces(most: number = MOST): () => McpPlace {
  let open = 0;
  const byWorkspace = new Map<string, number>();
  return () => {
    if (open >= most) throw full("the service takes");
    open += 1;
    let owner: string | undefined;
    return {
      ofWorkspace(workspaceId) {
        const others = byWorkspace.get(workspaceId) ?? 0;
        if (others >= most * OF_WORKSPACE) throw full("a workspace may have");
        byWorkspace.set(workspaceId, others + 1);
        owner = workspaceId;
      },
      leave() {
        open -= 1;
        if (owner === undefined) return;
        const left = (byWorkspace.get(owner) ?? 1) - 1;
        if (left === 0) byWorkspace.delete(owner);
        else byWorkspace.set(owner, left);
      },
    };
  };
}

function full(whatTakes: string): Refusal {
  return new Refusal(
    "overloaded",
    `as many MCP requests are open as ${whatTakes}; send it again later`,
  );
}
