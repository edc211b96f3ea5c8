/** The commands by which people give orders for steps. Boundary: rows of commands.ts. */
import { type CommandRow, KEY, type OptionRow, OUTPUT } from "./command-row.ts";

const ORDERED: OptionRow = ["--reason <text>", "required; kept in the history"];

/** In the order of the help. */
export const ORDER_COMMANDS: readonly CommandRow[] = [
  {
    name: "retry",
    args: "<run> <step>",
    about: "Begin the next attempt of an open or held step now.",
    examples: [
      [`retry wfr_01m7z0gf5ypaazgvdbndjjmzcj charge --reason "the bank is back"`, "try again"],
      ["inbox --kind held", "the steps that are held"],
    ],
    options: [ORDERED, KEY],
    callsService: true,
    load: async () => (await import("./orders.ts")).retry,
  },
  {
    name: "skip",
    args: "<run> <step>",
    about: "End an open or held step without its work, and go on with an output.",
    examples: [
      [
        `skip wfr_01m7z0gf5ypaazgvdbndjjmzcj charge --reason "waived" --output '{"paid_usd": 0}'`,
        "go on without a step",
      ],
    ],
    options: [...OUTPUT, ORDERED, KEY],
    callsService: true,
    load: async () => (await import("./orders.ts")).skip,
  },
  {
    name: "fail",
    args: "<run> <step>",
    about: "End an open or held step as failed; the run fails too, unless it is caught.",
    examples: [
      [`fail wfr_01m7z0gf5ypaazgvdbndjjmzcj charge --reason "order withdrawn"`, "give up"],
    ],
    options: [ORDERED, KEY],
    callsService: true,
    load: async () => (await import("./orders.ts")).fail,
  },
];
