/** The commands about workflows and their drafts. Boundary: rows of commands.ts. */
import { type CommandRow, KEY, type OptionRow } from "./command-row.ts";

const REASON: OptionRow = ["--reason <text>", "kept in the event"];
const WORDS: readonly OptionRow[] = [
  ["--description <text>", "what it is for"],
  ["--tags <names>", "with commas between; they replace those that it has"],
  ["--owner <name>", "who answers for it"],
  ["--team <name>", "whose it is"],
];

const RUN_LIMIT: readonly OptionRow[] = [
  ["--max-open-runs <number>", "open runs at once, 1,000 at most; 0: no limit"],
  [
    "--concurrency-key <expression>",
    "CEL over the input, such as customer.id: runs of one value count together",
  ],
  ["--when-full <what>", "what becomes of further starts: queue, drop or replace"],
];

/** In the order of the help. */
export const WORKFLOW_COMMANDS: readonly CommandRow[] = [
  {
    name: "list",
    args: "",
    about: "List workflows with their status and owner, newest first.",
    examples: [
      ["list", "the workflows of the workspace, without archived ones"],
      ["list --status archived", "what is archived"],
      ["list --team finance --contains agent,approval --order name", "those of a team"],
      ["list --text invoice --json", "by a part of the name or description, one JSON object each"],
    ],
    options: [
      ["--status <names>", "draft, deployed, paused, pending_approval, failed, archived, or all"],
      ["--owner <name>", "of this owner"],
      ["--team <name>", "of this team"],
      ["--tag <name>", "with this tag"],
      ["--contains <names>", "agent, mcp, skill, approval: all of those named"],
      ["--text <text>", "a part of the name or the description"],
      ["--order <order>", "newest, name or updated"],
      ["--limit <number>", "how many, 50 unless given, 10,000 at most"],
    ],
    callsService: true,
    load: async () => (await import("./list-workflows.ts")).run,
  },
  {
    name: "create",
    args: "<name>",
    about: "Make a workflow without versions; with --file its text becomes the draft.",
    examples: [
      ["create expense-approval --owner ann --team finance", "a workflow"],
      ["create expense-approval --file expense.workflow.yaml", "with a draft"],
    ],
    options: [
      ...WORDS,
      ...RUN_LIMIT,
      ["--file <file>", "a workflow file, - for standard input"],
      ...[REASON, KEY],
    ],
    callsService: true,
    load: async () => (await import("./change-workflow.ts")).create,
  },
  {
    name: "update",
    args: "<workflow>",
    about:
      "Change what a workflow is called, whose it is, and how many runs may be open. What is not named stays.",
    examples: [
      ["update expense-approval --owner bob", "another owner"],
      ["update expense-approval --name expenses", "another name"],
      [
        "update data-sync --max-open-runs 1 --concurrency-key customer --when-full queue",
        "one run of each customer at once, the others wait",
      ],
      ["update expense-approval --high-failure-rate 0.25", "an event when a quarter fails"],
    ],
    options: [
      ["--name <text>", "another name"],
      ...WORDS,
      ...RUN_LIMIT,
      ["--high-failure-rate <share>", "above 0, at most 1: more failed runs of a day are an event"],
      ["--announces-starts <yes|no>", "each run that starts is an event workflow.triggered too"],
      REASON,
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./change-workflow.ts")).update,
  },
  {
    name: "archive",
    args: "<workflow>",
    about:
      "Let nothing start runs of a workflow any more. Runs must have ended, unless the workflow is paused: then they go on.",
    examples: [[`archive expense-approval --reason "replaced by expenses"`, "archive it"]],
    options: [REASON, KEY],
    callsService: true,
    load: async () => (await import("./change-workflow.ts")).archive,
  },
  {
    name: "unarchive",
    args: "<workflow>",
    about: "Let the latest version of an archived workflow start runs again.",
    examples: [["unarchive expense-approval", "take it back"]],
    options: [REASON, KEY],
    callsService: true,
    load: async () => (await import("./change-workflow.ts")).unarchive,
  },
  {
    name: "delete",
    args: "<workflow>",
    about: "Delete a workflow that has no runs, with its versions and its draft.",
    examples: [["delete expense-approval --yes", "delete it without a question"]],
    options: [["--yes", "do not ask"], REASON, KEY],
    callsService: true,
    load: async () => (await import("./change-workflow.ts")).remove,
  },
  {
    name: "drafts",
    args: "<action> <workflow> [file]",
    about:
      "Work on the draft of a workflow: get prints its text, save stores a file with faults or without, discard deletes it, publish makes a version of it.",
    examples: [
      ["drafts get expense-approval > expense.workflow.yaml", "the text, with its faults and etag"],
      ["drafts save expense-approval expense.workflow.yaml", "replace what is there now"],
      [
        "drafts save expense-approval expense.workflow.yaml --etag 5f1c0a9be2d34c77",
        "only if nobody saved since",
      ],
      [`drafts publish expense-approval --note "a second approver"`, "the next version"],
      ["drafts publish expense-approval --to staging", "the next version, to be tried first"],
      ["drafts discard expense-approval", "forget it"],
    ],
    options: [
      ["--etag <etag>", "of the draft as it was read; that of the stored one unless given"],
      ["--note <text>", "publish: why the version is made"],
      [
        "--to <environment>",
        "publish: where the version starts runs, as of deploy; production unless given",
      ],
      REASON,
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./drafts.ts")).run,
  },
];
