/** A question that is answered with yes or no. Boundary: a terminal; without one the caller asks for a flag. */
import { createInterface } from "node:readline/promises";

/** Asks on standard error; false unless the answer is yes. */
export async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
