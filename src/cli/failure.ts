/** How a command ends. Boundary: exit codes and the sentence that explains one; printing is main.ts's. */

/** Exit codes of the command line. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  away: 5,
  refused: 6,
  cancelled: 7,
  timedOut: 124,
  interrupted: 130,
} as const;

/** What each code means, for the help and its page. */
export const EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.done, "done"],
  [EXIT.failed, "it failed; with --wait, by watch and simulate: the run is FAILED"],
  [EXIT.usage, "wrong usage, or a file with faults"],
  [EXIT.notFound, "there is no such definition, version or run"],
  [EXIT.notAllowed, "the token is missing, or does not allow it"],
  [EXIT.away, "the service is away, too old, another program, or says to try again"],
  [EXIT.refused, "the state of the run or workflow refuses it, or somebody else changed it"],
  [EXIT.cancelled, "with --wait and by watch: the run is CANCELLED"],
  [EXIT.timedOut, "--wait ran out, and the run goes on; by simulate: the run does not end"],
  [EXIT.interrupted, "interrupted; a run that was started or watched goes on"],
];

/** Ends a command with a sentence and a code. */
export class CliFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Another program answers, or an older release: to try again does not help. */
export class NotTheService extends CliFailure {
  constructor(message: string, cause: unknown) {
    super(message, EXIT.away, { cause });
  }
}

/** Wrong usage. */
export function usageFault(message: string, cause?: unknown): CliFailure {
  return new CliFailure(message, EXIT.usage, { cause });
}

/** The failure that an error is, or that it was made of. */
export function findFailure(error: unknown): CliFailure | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof CliFailure) return cause;
  }
  return undefined;
}

/** Whether a call failed because the service is away, or says to try again. */
export function isAway(error: unknown): boolean {
  const failure = findFailure(error);
  return failure?.exitCode === EXIT.away && !(failure instanceof NotTheService);
}
