/** The commands of the inbox. Boundary: rows of commands.ts. */
import { type CommandRow, KEY, type OptionRow, OUTPUT } from "./command-row.ts";

const DECIDED: OptionRow = ["--reason <text>", "kept with the decision"];
const DIGEST: OptionRow = [
  "--digest <digest>",
  "decide only what has this digest (inbox ITEM shows it); without it the item is shown, and decided as it is now",
];
const EDIT: OptionRow = [
  "--edit <field=value>",
  "approve with another value, JSON or else a text, null to remove the field; for each field that inbox ITEM says may be edited",
];
const NOTED: OptionRow = ["--reason <text>", "kept with the item"];

/** In the order of the help. */
export const INBOX_COMMANDS: readonly CommandRow[] = [
  {
    name: "inbox",
    args: "[item]",
    about: "List what waits for people, newest first, or show one item.",
    examples: [
      ["inbox", "everything that is open"],
      ["inbox --mine --as user_ann", "what names a person"],
      ["inbox --watch --json", "changes as JSON lines, until it is interrupted"],
      ["inbox wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1", "one item with what is to be decided"],
    ],
    options: [
      ["--watch", "go on: print each item that comes, changes or goes"],
      ["--mine", "only items that name the person who asks"],
      ["--kind <kind>", "approval, task, held or deploy"],
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
      [
        "approve wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1 --edit amount_usd=40",
        "approve another amount, where the gate lets it be edited",
      ],
    ],
    options: [EDIT, DIGEST, DECIDED, KEY],
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
    options: [DIGEST, DECIDED, KEY],
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
  {
    name: "claim",
    args: "<item>",
    about: "Take an item of the inbox on: until it is released no other person acts on it.",
    examples: [
      ["claim wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1 --as user_ann", "claim as a person"],
    ],
    options: [NOTED, KEY],
    callsService: true,
    load: async () => (await import("./decide.ts")).claim,
  },
  {
    name: "release",
    args: "<item>",
    about: "Release an item of the inbox that is claimed.",
    examples: [["release wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1 --as user_ann", "end the claim"]],
    options: [NOTED, KEY],
    callsService: true,
    load: async () => (await import("./decide.ts")).release,
  },
  {
    name: "delegate",
    args: "<item> <person>",
    about: "Ask another person instead.",
    examples: [["delegate wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1 user_bob", "user_bob decides"]],
    options: [NOTED, KEY],
    callsService: true,
    load: async () => (await import("./decide.ts")).delegate,
  },
  {
    name: "comment",
    args: "<item> <text>",
    about: "Add a comment to an item of the inbox.",
    examples: [
      [
        "comment wfr_01m7z0gf5ypaazgvdbndjjmzcj/manager/1 'where is the bill?'",
        "a comment that each reader sees",
      ],
    ],
    options: [KEY],
    callsService: true,
    load: async () => (await import("./decide.ts")).comment,
  },
];
