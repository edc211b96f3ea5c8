/** The commands by which people mend runs and steps. Boundary: rows of commands.ts. */
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
  {
    name: "rerun",
    args: "<run>",
    about:
      "Start a new run that reuses what an ended run completed. Shows what is reused and what runs, and asks first.",
    examples: [
      [`rerun wfr_01m7z0gf5ypaazgvdbndjjmzcj --reason "the bank is back"`, "from the failed step"],
      ["rerun wfr_01m7z0gf5ypaazgvdbndjjmzcj --from charge --dry-run", "the plan from a step on"],
      [
        `rerun wfr_01m7z0gf5ypaazgvdbndjjmzcj --version 3 --reason "version 3 mends it" --yes`,
        "by another version, without a question",
      ],
    ],
    options: [
      ["--from <step>", "this step and what follows it run again"],
      ["--input <json>", "another input, a JSON object: nothing is reused"],
      ["--input-file <file>", "a file with the input, - for standard input"],
      ["--version <number>", "a version; that of the run unless given"],
      ["--dry-run", "show the plan, and do nothing"],
      ["--yes", "do not ask"],
      ["--reason <text>", "required unless with --dry-run; kept in the history"],
    ],
    callsService: true,
    load: async () => (await import("./rerun.ts")).run,
  },
];
