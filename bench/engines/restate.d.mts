import type { Engine, EngineStart } from "./engine.ts";

/** See the file itself. */
export function startRestate(start: EngineStart, viaService: boolean): Promise<Engine>;
