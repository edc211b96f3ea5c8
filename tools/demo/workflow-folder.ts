/**
 * Publishes the `*.workflow.yaml` of a folder when they are saved.
 *
 * Boundary: reads files and says what is wrong with them; the caller publishes.
 * Invariants:
 * 1. One text of a file is published once, however many changes the file system reports.
 * 2. Files are handled one after another; a change meanwhile is handled after it.
 * 3. A file that is gone changes nothing of what it published.
 */
import { statSync, watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { faultLine } from "../../src/cli/files.ts";
import type { FileFault } from "../../src/file/faults.ts";
import { readWorkflowFile } from "../../src/file/read-file.ts";

/** What a watch needs. */
export interface FolderDeps {
  readonly folder: string;
  /**
   * Publishes the text of a file without faults; gives what became of it. Rejects with RefusedText for what the service alone finds
   * wrong with it; after another error it is published again at `rescan`.
   */
  publish(text: string): Promise<string>;
  say(line: string): void;
}

/** A watched folder. */
export interface WorkflowFolder {
  /** Looks at all files; resolves when each is handled. */
  rescan(): Promise<void>;
  close(): void;
}

/** What the service finds wrong with a text. */
export class RefusedText extends Error {
  readonly faults: readonly FileFault[];

  constructor(faults: readonly FileFault[]) {
    super("the service refuses the text");
    this.faults = faults;
  }
}

const NAME = /\.workflow\.ya?ml$/;
// Editors write a file in several steps.
const QUIET_MS = 200;

/** The path of the folder, seen from `base`. Throws where there is none: the watch of it would throw with servers running. */
export function requireFolder(base: string, folder: string): string {
  const path = resolve(base, folder);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path;
  throw new Error(`there is no folder ${path}`);
}

/** Begins to watch; nothing is published before the first change or `rescan`. */
export function watchWorkflowFolder({ folder, publish, say }: FolderDeps): WorkflowFolder {
  /** By file: the text, or the fault of reading it, that was handled last. */
  const handled = new Map<string, string>();
  const changed = new Set<string>();
  let quiet: NodeJS.Timeout | undefined;
  let working: Promise<void> = Promise.resolve();

  function work(): Promise<void> {
    working = working.then(async () => {
      for (const file of changed) {
        changed.delete(file);
        await handle(file);
      }
    });
    return working;
  }

  async function handle(file: string): Promise<void> {
    const read = await readOne(join(folder, file));
    if (read === undefined) {
      if (handled.delete(file)) say(`${file}: gone; what it published stays`);
      return;
    }
    if (handled.get(file) === read.known) return;
    handled.set(file, read.known);
    if (read.bytes === undefined) return say(`${file}: ${read.known}`);
    const { workflow, text, faults, warnings } = readWorkflowFile(read.bytes);
    for (const fault of faults) say(faultLine(file, fault));
    for (const warning of warnings) say(faultLine(file, warning, "warning: "));
    if (workflow === undefined) return;
    try {
      say(`${file}: ${await publish(text)}`);
    } catch (error) {
      if (error instanceof RefusedText) {
        for (const fault of error.faults) say(faultLine(file, fault));
        return;
      }
      handled.delete(file);
      say(`${file}: not published: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async function rescan(): Promise<void> {
    const names = await readdir(folder);
    for (const name of names.filter((each) => NAME.test(each)).sort()) changed.add(name);
    await work();
  }

  const watcher = watch(folder, (_, file) => {
    if (file === null || !NAME.test(file)) return;
    changed.add(file);
    clearTimeout(quiet);
    quiet = setTimeout(() => void work(), QUIET_MS);
  });
  watcher.on("error", ({ message }) => say(`${folder} is not watched any more: ${message}`));
  return {
    rescan,
    close() {
      clearTimeout(quiet);
      watcher.close();
    },
  };
}

/** The bytes of a file, or why it cannot be read; undefined for a file that is gone. */
async function readOne(
  path: string,
): Promise<{ readonly known: string; readonly bytes?: Uint8Array } | undefined> {
  try {
    const bytes = await readFile(path);
    return { known: bytes.toString("latin1"), bytes };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return code === "ENOENT" ? undefined : { known: `cannot be read: ${code}` };
  }
}
