/** The commands of operators, as data. Boundary: a part of the table of commands.ts. */
import type { CommandRow } from "./command-row.ts";

/** In the order of the help. */
export const OPERATOR_COMMANDS: readonly CommandRow[] = [
  {
    name: "doctor",
    args: "",
    about:
      "Check the service: what is wrong, and what to do. Ends with 1 when a check fails, and with 0 when checks only warn.",
    examples: [
      ["doctor", "every check"],
      ["doctor --json | jq 'select(.status != \"CHECK_STATUS_OK\")'", "what is not well"],
    ],
    options: [],
    callsService: true,
    load: async () => (await import("./doctor.ts")).run,
  },
  {
    name: "whoami",
    args: "",
    about: "Say who calls, in which workspace, and with which scopes.",
    examples: [
      ["whoami", "the caller"],
      ["whoami --json | jq -r '.rpcs[]'", "the RPCs that the caller may call"],
    ],
    options: [],
    callsService: true,
    load: async () => (await import("./whoami.ts")).run,
  },
];
