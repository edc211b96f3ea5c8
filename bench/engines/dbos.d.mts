import type { Engine, EngineStart } from "./engine.ts";

/** See the file itself. */
export function startDbos(start: EngineStart): Promise<Engine>;
