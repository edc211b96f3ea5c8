/**
 * The commands as data: the program, its help and docs/cli.md are made from this table.
 * Boundary: no command is loaded before it runs; the help answers without any.
 */
import { type CommandRow, KEY, type OptionRow } from "./command-row.ts";
import { DEPLOYMENT_COMMANDS } from "./deployment-commands.ts";
import { INBOX_COMMANDS } from "./inbox-commands.ts";
import { OPERATOR_COMMANDS } from "./operator-commands.ts";
import { ORDER_COMMANDS } from "./order-commands.ts";
import { SEARCH_OPTIONS } from "./search-options.ts";
import { STARTER_COMMANDS } from "./starter-commands.ts";
import { TEMPLATE_COMMANDS } from "./template-commands.ts";
import { WORKFLOW_COMMANDS } from "./workflow-commands.ts";

/** Options of every command. */
export const OUTPUT_OPTIONS: readonly OptionRow[] = [
  ["--json", "print JSON: one object a line, fields by the names of the contract"],
  ["--quiet", "print ids alone"],
];
/** Options of every command that calls the service. */
export const SERVICE_OPTIONS: readonly OptionRow[] = [
  ["--server <url>", "the service (WORKFLOWS_SERVER; http://127.0.0.1:8080)"],
  ["--workspace <name>", "the workspace (WORKFLOWS_WORKSPACE; the token's)"],
  [
    "--token-file <file>",
    "a file with the token, - for standard input (WORKFLOWS_TOKEN_FILE, WORKFLOWS_TOKEN)",
  ],
  ["--as <name>", "who acts, where the service has no authentication ($USER)"],
  ["--profile <name>", "a profile of ~/.config/workflows/config.yaml (WORKFLOWS_PROFILE)"],
];

const REASON: OptionRow = ["--reason <text>", "kept in the history"];
const KEY_OF_ONE: OptionRow = [KEY[0], `${KEY[1]}; with one run alone`];
const PREVIEW: OptionRow = ["--preview", "say what would be done, and do nothing"];
const VERSION: OptionRow = ["--version <number>", "a version; the latest unless given"];

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandRow[] = [
  {
    name: "check",
    args: "<file...>",
    about: "Check workflow files: every fault with its line and column. No service is needed.",
    examples: [
      ["check expense.workflow.yaml", "faults and warnings of a file"],
      ["check --json *.workflow.yaml", "one JSON object for each fault"],
    ],
    options: [],
    callsService: false,
    load: async () => (await import("./check.ts")).run,
  },
  {
    name: "graph",
    args: "<source>",
    about: "Draw the steps of a file, or of a published workflow.",
    examples: [
      ["graph expense.workflow.yaml", "steps and paths as text"],
      ["graph expense-approval --format mermaid", "a published workflow as a Mermaid flowchart"],
      ["graph expense.workflow.yaml --format dot | dot -Tsvg", "an image by Graphviz"],
    ],
    options: [["--format <format>", "text, mermaid or dot"], VERSION],
    callsService: true,
    load: async () => (await import("./graph.ts")).run,
  },
  ...TEMPLATE_COMMANDS,
  {
    name: "apply",
    args: "<file...>",
    about: "Publish workflow files. A file whose content is published already changes nothing.",
    examples: [
      ["apply expense.workflow.yaml", "make the workflow, or publish its next version"],
      ["apply --dry-run *.workflow.yaml", "say what would be done"],
      ["apply --to staging expense.workflow.yaml", "publish it there, to be tried first"],
    ],
    options: [
      ["--dry-run", "say what would be done, and do nothing"],
      ["--to <environment>", "where versions start runs, as of deploy; production unless given"],
    ],
    callsService: true,
    load: async () => (await import("./apply.ts")).run,
  },
  {
    name: "diff",
    args: "<source>",
    about:
      "Show what differs: between a file, or the draft, and the newest published version, or between two versions. Ends with 1 when they differ.",
    examples: [
      ["diff expense.workflow.yaml", "what applying the file would change"],
      ["diff expense-approval --draft", "what publishing the draft would change"],
      ["diff expense-approval --from 2", "what changed since version 2"],
      ["diff expense-approval --from 2 --to 3 --json", "one JSON object for each difference"],
    ],
    options: [
      ["--draft", "compare with the draft"],
      ["--from <number>", "the older version; the newest one for a file or a draft"],
      ["--to <number>", "the newer version; the newest one unless given"],
    ],
    callsService: true,
    load: async () => (await import("./diff.ts")).run,
  },
  {
    name: "export",
    args: "<workflow>",
    about: "Write a published workflow as a file. The argument is its name or id.",
    examples: [
      ["export expense-approval", "the latest version as YAML"],
      ["export expense-approval --version 2 -o old.workflow.yaml", "an older one to a file"],
    ],
    options: [VERSION, ["-o, --output <file>", "write to a file"]],
    callsService: true,
    load: async () => (await import("./export.ts")).run,
  },
  ...WORKFLOW_COMMANDS,
  {
    name: "start",
    args: "<workflow>",
    about: "Start a run. With --wait and --watch the exit code says how it ended.",
    examples: [
      [`start expense-approval --input '{"employee": "Sam", "amount_usd": 40}'`, "start a run"],
      [
        "start expense-approval --input-file input.json --wait --timeout 10m",
        "wait for its end, 10 minutes at most",
      ],
      ["start expense-approval --input-file input.json --watch", "see it move until it ends"],
    ],
    options: [
      ["--input <json>", "the input, a JSON object"],
      ["--input-file <file>", "a file with the input, - for standard input"],
      VERSION,
      [
        "--environment <name>",
        "where it starts, by what is deployed there; production unless given",
      ],
      ["--entity <id>", "the entity that the run is about"],
      ["--wait", "wait until the run has ended"],
      ["--timeout <duration>", "how long --wait waits, such as 10m"],
      ["--watch", "follow the run until it has ended, as watch does"],
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./start.ts")).run,
  },
  {
    name: "runs",
    args: "[run]",
    about: "List or search runs, newest first, or show one run with its steps.",
    examples: [
      ["runs --state running", "what is open"],
      ["runs --workflow expense-approval --limit 5", "the newest runs of a workflow"],
      ["runs --waiting-for approval --open-for 2d", "what has waited for an approval for long"],
      ["runs --state failed --since 24h --error timeout", "what failed today, by its error"],
      [
        "runs --outcome timed-out --counts",
        "how many runs their deadline ended, and of which workflows",
      ],
      [
        "runs --state running,paused --watch",
        "what is open, and each move of it until all have ended",
      ],
      ["runs wfr_01m7z0gf5ypaazgvdbndjjmzcj", "one run with its steps"],
    ],
    options: [
      ["--workflow <name>", "runs of a workflow, by its name or id"],
      [
        "--state <state>",
        "pending, running, paused, compensating, completed, failed or cancelled; several with commas",
      ],
      ["--entity <id>", "runs about an entity"],
      ...SEARCH_OPTIONS,
      ["--watch", "then follow those of them that are open, 100 at most, until all have ended"],
      ["--limit <number>", "how many, 20 unless given; 500 at most but with options of a search"],
    ],
    callsService: true,
    load: async () => (await import("./runs.ts")).run,
  },
  {
    name: "explain",
    args: "<run>",
    about: "Say why a run does not move: a reason for each open step, what ends it, and when.",
    examples: [
      ["explain wfr_01m7z0gf5ypaazgvdbndjjmzcj", "what a run waits for"],
      ["explain --json wfr_01m7z0gf5ypaazgvdbndjjmzcj | jq '.waits[].code'", "the codes alone"],
    ],
    options: [],
    callsService: true,
    load: async () => (await import("./explain.ts")).run,
  },
  {
    name: "history",
    args: "<run>",
    about: "Print every move of a run with its cause, oldest first.",
    examples: [
      ["history wfr_01m7z0gf5ypaazgvdbndjjmzcj", "from the start"],
      ["history wfr_01m7z0gf5ypaazgvdbndjjmzcj --newest --limit 5", "the last five moves"],
    ],
    options: [
      ["--newest", "newest first"],
      ["--limit <number>", "how many moves, 100 unless given"],
    ],
    callsService: true,
    load: async () => (await import("./history.ts")).run,
  },
  {
    name: "watch",
    args: "<run>",
    about:
      "Follow a run until it ends: a tree of its steps on a terminal, a line for each move in a pipe. The exit code says how it ended.",
    examples: [
      ["watch wfr_01m7z0gf5ypaazgvdbndjjmzcj", "see it move"],
      ["watch --json wfr_01m7z0gf5ypaazgvdbndjjmzcj", "one JSON object for each move"],
    ],
    options: [["--after <cursor>", "only moves after the cursor of a move"]],
    callsService: true,
    load: async () => (await import("./watch.ts")).run,
  },
  {
    name: "pause",
    args: "<run...>",
    about: "Pause runs: nothing new starts, what is in flight may end.",
    examples: [[`pause wfr_01m7z0gf5ypaazgvdbndjjmzcj --reason "audit"`, "pause a run"]],
    options: [REASON, KEY_OF_ONE],
    callsService: true,
    load: async () => (await import("./lifecycle.ts")).pause,
  },
  {
    name: "resume",
    args: "<run...>",
    about: "Let paused runs go on, or one of them with other inputs of steps that have not begun.",
    examples: [
      ["resume wfr_01m7z0gf5ypaazgvdbndjjmzcj", "resume a run"],
      [
        `resume wfr_01m7z0gf5ypaazgvdbndjjmzcj --set pay.amount_usd=40 --reason "the bill was wrong"`,
        "another amount for the step pay, which has not begun",
      ],
    ],
    options: [
      [
        "--set <step.field=value>",
        "another value in the input of a step that has not begun, JSON or else a text, null to remove the field; may be given several times",
      ],
      ["--reason <text>", "required with --set; kept in the history"],
      KEY_OF_ONE,
    ],
    callsService: true,
    load: async () => (await import("./lifecycle.ts")).resume,
  },
  {
    name: "cancel",
    args: "<run...>",
    about: "End runs without undoing their steps.",
    examples: [
      [`cancel wfr_01m7z0gf5ypaazgvdbndjjmzcj --reason "entered twice"`, "cancel a run"],
      [
        "cancel wfr_01m7z0gf5ypaazgvdbndjjmzcj --preview",
        "what would be cancelled, and what stays",
      ],
      ["runs --quiet --state paused | xargs workflows cancel", "cancel the newest paused runs"],
    ],
    options: [PREVIEW, REASON, KEY_OF_ONE],
    callsService: true,
    load: async () => (await import("./lifecycle.ts")).cancel,
  },
  {
    name: "compensate",
    args: "<run...>",
    about: "Undo the steps of runs that have an undo, the last one first.",
    examples: [
      [`compensate wfr_01m7z0gf5ypaazgvdbndjjmzcj --reason "order withdrawn"`, "undo a run"],
      ["compensate wfr_01m7z0gf5ypaazgvdbndjjmzcj --preview", "what would be undone, in order"],
    ],
    options: [PREVIEW, REASON, KEY_OF_ONE],
    callsService: true,
    load: async () => (await import("./lifecycle.ts")).compensate,
  },
  ...DEPLOYMENT_COMMANDS,
  ...ORDER_COMMANDS,
  ...INBOX_COMMANDS,
  ...STARTER_COMMANDS,
  ...OPERATOR_COMMANDS,
  {
    name: "completion",
    args: "<shell>",
    about: "Print the script by which bash, zsh or fish completes commands, options and names.",
    examples: [
      ["completion bash", "to be loaded in ~/.bashrc: source <(workflows completion bash)"],
      ["completion fish | source", "in fish"],
      ["completion runs", "the ids of the newest runs, which the scripts ask for; or `workflows`"],
    ],
    options: [],
    callsService: true,
    load: async () => (await import("./completion.ts")).completing(COMMANDS, optionsOf),
  },
];

/** All options of a command, in the order of its help. */
export function optionsOf({ options, callsService }: CommandRow): OptionRow[] {
  return [...options, ...OUTPUT_OPTIONS, ...(callsService ? SERVICE_OPTIONS : [])];
}
