/**
 * Reports when the service's source has changed.
 *
 * Boundary: the sandbox is part of the watching process itself, so its files are left out.
 */
import { watch } from "node:fs";
import { join, sep } from "node:path";
import { projectRoot } from "../run-command.ts";

/** Watches src/ until it is closed. */
export interface SourceChanges {
  /** Settles after the next change, once nothing more has changed for a moment. */
  next(): Promise<void>;
  close(): void;
}

// Editors write several files for one change.
const QUIET_MS = 200;

/** Begins to watch; a failure of the watch is logged and ends it. */
export function watchSource(log: (line: string) => void): SourceChanges {
  let waiting: (() => void)[] = [];
  let quiet: NodeJS.Timeout | undefined;
  const tellAll = (): void => {
    const toTell = waiting;
    waiting = [];
    for (const tell of toTell) tell();
  };
  const watcher = watch(join(projectRoot, "src"), { recursive: true }, (_, file) => {
    if (file === null || !file.endsWith(".ts") || file.startsWith(`sandbox${sep}`)) return;
    clearTimeout(quiet);
    quiet = setTimeout(tellAll, QUIET_MS);
  });
  watcher.on("error", (error) => log(`src/ is not watched any more: ${error.message}`));
  return {
    next: () => new Promise((resolve) => waiting.push(resolve)),
    close() {
      clearTimeout(quiet);
      watcher.close();
    },
  };
}
