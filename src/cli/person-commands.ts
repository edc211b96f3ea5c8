/** The commands by which people give orders for steps and decide what the inbox asks. Boundary: rows of commands.ts. */
import { type CommandRow, KEY, type OptionRow } from "./command-row.ts";

const ORDERED: OptionRow = ["--reason <text>", "required; kept in the history"];
const OUTPUT: readonly OptionRow[] = [
  ["--output <json>", "the output, a JSON object"],
  ["--output-file <file>", "a file with the output, - for standard input"],
];
const DECIDED: OptionRow = ["--reason <text>", "kept with the decision"];

/** In the order of the help. */
export const PERSON_COMMANDS: readonly CommandRow[] = [
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
    name: "inbox",
    args: "[item]",
    about: "List what waits for people, newest first, or show one item.",
    examples: [
      ["inbox", "everything that is open"],
      ["inbox --mine --as user_ann", "what names a person"],
      ["inbox wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1", "one item with what is to be decided"],
    ],
    options: [
      ["--mine", "only items that name the person who asks"],
      ["--kind <kind>", "approval, task or held"],
      ["--limit <number>", "how many, 20 unless given, 500 at most"],
    ],
    callsService: true,
    load: async () => (await import("./inbox.ts")).run,
  },
  {
    name: "approve",
    args: "<item>",
    about: "Approve what an item of the inbox asks.",
    examples: [
      [
        `approve wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1 --as user_ann --reason "in budget"`,
        "approve as a person",
      ],
    ],
    options: [DECIDED, KEY],
    callsService: true,
    load: async () => (await import("./decide.ts")).approve,
  },
  {
    name: "deny",
    args: "<item>",
    about: "Deny what an item of the inbox asks.",
    examples: [
      [
        `deny wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1 --reason "over budget"`,
        "deny with a reason",
      ],
    ],
    options: [DECIDED, KEY],
    callsService: true,
    load: async () => (await import("./decide.ts")).deny,
  },
  {
    name: "complete",
    args: "<item> [step]",
    about: "Complete a task of the inbox with its output, or any open step of a run.",
    examples: [
      [
        `complete wfr_01m7z0gf5ypaazgvdbndjjmzcj/pay/1 --output '{"paid_usd": 40}'`,
        "complete a task",
      ],
      [
        `complete wfr_01m7z0gf5ypaazgvdbndjjmzcj charge --reason "paid by hand"`,
        "complete a step of a run",
      ],
    ],
    options: [...OUTPUT, ["--reason <text>", "kept in the history; required for a step"], KEY],
    callsService: true,
    load: async () => (await import("./decide.ts")).complete,
  },
];
