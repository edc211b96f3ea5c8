/** Loaded by each command of a session before its own code: it writes to the session's screen as to a terminal. */
import { fstatSync } from "node:fs";

// A pipe or a file of a command line is none.
if (String(fstatSync(1).ino) === process.env.SCREEN) {
  Object.assign(process.stdout, { isTTY: true, columns: 120, rows: 60 });
}
