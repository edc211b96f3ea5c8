/**
 * `workflows`: the command line.
 * Boundary: ends the process. Faults are one sentence on standard error and an exit code; a closed pipe is no fault.
 */
import { CommanderError } from "commander";
import { CliFailure, EXIT, findFailure } from "./failure.ts";
import { createOutput, printFailure } from "./output.ts";
import { buildProgram } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader has seen enough, as `head` does. What the command does is done all the same.
    if (error.code !== "EPIPE") throw error;
  });
}

const program = buildProgram(async (row, args, options) => {
  const out = createOutput({ json: options.json === true, quiet: options.quiet === true });
  const act = await row.load();
  process.exitCode = await act({ args, options, out });
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // Commander has printed its sentence. Help that was asked for is no fault.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const failure = findFailure(error) ?? unexpected(error);
  printFailure(failure.message);
  return failure.exitCode;
}

function unexpected(error: unknown): CliFailure {
  return new CliFailure(error instanceof Error ? error.message : String(error), EXIT.failed);
}
