import type { Engine, EngineStart } from "./engine.ts";

/** See the file itself. */
export function startRestate(
  start: EngineStart,
  name: "restate" | "restate-2" | "restate-svc",
): Promise<Engine>;
