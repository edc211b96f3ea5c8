/** Workflow files of a command: reads them and prints what is wrong with them. */
import { existsSync } from "node:fs";
import type { FileFault } from "../file/faults.ts";
import { type ReadFile, readWorkflowFile, type WorkflowFile } from "../file/read-file.ts";
import { MAX_FILE_BYTES } from "../file/source-text.ts";
import { CliFailure, EXIT } from "./failure.ts";
import { oneLine } from "./one-line.ts";
import type { Output } from "./output.ts";
import { readAtMost } from "./read-at-most.ts";

/** A file without faults. */
export interface SoundFile {
  /** As it was given. */
  readonly path: string;
  /** As the service keeps it. */
  readonly text: string;
  readonly workflow: WorkflowFile;
  readonly locate: ReadFile["locate"];
}

/** The bytes of a file; `-` is standard input. */
function readBytes(path: string): Uint8Array {
  try {
    // One byte more than a file may have, so that a longer one is refused as such.
    return readAtMost(path, MAX_FILE_BYTES + 1);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const reason =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EISDIR"
          ? "it is a folder"
          : String(code ?? error);
    throw new CliFailure(`cannot read ${path}: ${reason}`, EXIT.usage, { cause: error });
  }
}

/** Whether an argument is a file and not a workflow: it has an ending or a slash, or there is such a file. */
export function isFile(source: string): boolean {
  return source === "-" || /\.(ya?ml|json)$|\//.test(source) || existsSync(source);
}

/** The file, or its faults and warnings. */
export function readOne(path: string): ReadFile {
  return readWorkflowFile(readBytes(path));
}

/** `file:line:column: path: sentence` */
export function faultLine(
  file: string,
  { line, column, path, message }: FileFault,
  severity = "",
): string {
  const where = path === "" ? "" : `${path}: `;
  return oneLine(`${file}:${line}:${column}: ${severity}${where}${message}`);
}

/** All files; when one has faults they are printed and the command ends. */
export function requireSound(paths: readonly string[], out: Output): SoundFile[] {
  const sound: SoundFile[] = [];
  let faults = 0;
  for (const path of paths) {
    const read = readOne(path);
    for (const fault of read.faults) process.stderr.write(`${faultLine(path, fault)}\n`);
    for (const warning of read.warnings) out.talk(faultLine(path, warning, "warning: "));
    faults += read.faults.length;
    if (read.workflow !== undefined)
      sound.push({ path, text: read.text, workflow: read.workflow, locate: read.locate });
  }
  if (faults > 0)
    throw new CliFailure(`${faults} fault${faults === 1 ? "" : "s"}: nothing was sent`, EXIT.usage);
  return sound;
}
