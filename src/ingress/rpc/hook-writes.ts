/** The changes of hooks that a handler may make: a part of the Write (write.ts). Boundary: as write.ts. */
import { type HookDeps, putHook, removeHook, type WantedHook } from "../../runtime/hooks.ts";
import { sees, type Visibility } from "../../store/reads/visibility.ts";

/** Each resolves after its commit and rejects with a Refusal. */
export interface HookWrites {
  put(wanted: WantedHook): ReturnType<typeof putHook>;
  delete(name: Parameters<typeof removeHook>[1]): Promise<string>;
}

/** The changes of one call. */
export function createHookWrites(deps: HookDeps, visibility: Visibility): HookWrites {
  // A caller cannot come here: what it names is refused before (call-workspace.ts).
  const requireSeen = (workspaceId: string) => {
    if (!sees(visibility, workspaceId)) {
      throw new Error(`a handler changes hooks of ${workspaceId}, which its call does not see`);
    }
  };
  return {
    async put(wanted) {
      requireSeen(wanted.workspaceId);
      return putHook(deps, wanted);
    },
    async delete(name) {
      requireSeen(name.workspaceId);
      return removeHook(deps, name);
    },
  };
}
