/** The commands of operators, as data. Boundary: a part of the table of commands.ts. */
import { type CommandRow, KEY } from "./command-row.ts";

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
    name: "dev",
    args: "[folder]",
    about:
      "Start the service with servers and stand-ins of its own, as npm run dev, and publish the workflow files of a folder when they are saved.",
    examples: [
      ["dev", "the files of this folder"],
      ["dev flows/", "the files of another one"],
    ],
    options: [],
    callsService: false,
    load: async () => (await import("./dev.ts")).run,
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
  {
    name: "mcp",
    args: "",
    about:
      "Serve the tools search, fetch and do of the Model Context Protocol over standard input and output, for a client that starts programs. The service itself serves them at /mcp.",
    examples: [
      ["mcp", "what a client of MCP starts"],
      [
        "mcp --profile work --environment staging",
        "another service, where runs are started in staging",
      ],
    ],
    options: [["--environment <name>", "where runs are started; production unless given"]],
    callsService: true,
    load: async () => (await import("./mcp.ts")).run,
  },
  {
    name: "hooks",
    args: "<action> [name]",
    about:
      "Put, list and delete hooks: who is asked before a workflow is changed, by a signed POST or the governance service, and may refuse it. A secret is printed once.",
    examples: [
      [
        "hooks put four-eyes --before activate,archive --url https://hooks.example.com/workflows",
        "a secret that signs what is posted",
      ],
      ["hooks put policy --before delete --governance", "the governance service decides"],
      ["hooks list", "those of the workspace"],
      ["hooks delete four-eyes", "nobody asks it any more"],
    ],
    options: [
      [
        "--before <verbs>",
        "put: create, update, activate, pause, resume, archive, unarchive, delete; several with commas",
      ],
      ["--workflow <workflow>", "put: before verbs of this workflow alone"],
      ["--url <url>", "put: where it is asked, of an origin in HOOKS_ORIGINS of the service"],
      ["--governance", "put: ask the governance service, as the action workflow.<verb>"],
      ["--rotate-secret", "put: make another secret"],
      ["--reason <text>", "kept with the hook"],
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./hooks.ts")).run,
  },
  {
    name: "changes",
    args: "[workflow]",
    about:
      "Show what happens to workflows, their drafts and deployments, until it is interrupted. A stream that is cut goes on without a gap.",
    examples: [
      ["changes", "of all workflows of the workspace, from now on"],
      ["changes expense-approval --operation activated,paused", "some of one workflow"],
      ["changes --from-oldest --json", "from the oldest one that is kept, with cursors"],
    ],
    options: [
      ["--operation <names>", "such as created, updated, activated, paused; several with commas"],
      ["--after <cursor>", "go on after a cursor that was printed"],
      ["--from-oldest", "begin with the oldest change that is kept, which are 30 days"],
    ],
    callsService: true,
    load: async () => (await import("./watch-changes.ts")).run,
  },
  {
    name: "events",
    args: "<action> [type]",
    about:
      "Send an event as the bus would bring it, or show what the service publishes from now on (tail), until it is interrupted.",
    examples: [
      ["events tail", "a line for each event of the workspace"],
      ["events tail --type 'run.failed,step.failed'", "what fails"],
      ["events tail --run wfr_1 --json", "a run's events as CloudEvents, one a line"],
      [`events send order.made --data '{"order": "o1"}'`, "start and continue what wants it"],
      ["events send order.made --id o1 --data-file order.json", "with an id: it counts once"],
    ],
    options: [
      [
        "--type <patterns>",
        "tail: events of these types, as run.* or step.failed; several with commas",
      ],
      ["--run <run>", "tail: events of a run and its steps"],
      ["--workflow <workflow>", "tail: events of a workflow and its runs"],
      ["--data <json>", "the data, a JSON object"],
      ["--data-file <file>", "a file with the data, - for standard input"],
      ["--subject <text>", "the subject of the event"],
      ["--source <text>", "the source; workflows.ops unless given"],
      ["--id <id>", "the id; a new one unless given"],
      ["--reason <text>", "kept with the event"],
      ["--key <key>", "the Idempotency-Key: a repeat with the same key does nothing again"],
    ],
    callsService: true,
    load: async () => (await import("./events.ts")).run,
  },
  {
    name: "stats",
    args: "<workflow>",
    about:
      "Show how the runs of a workflow went: by day, by outcome, and the steps that failed them. The argument is its name or id.",
    examples: [
      ["stats expense-approval", "the last 30 days"],
      ["stats expense-approval --days 7 --json", "a week as one JSON object"],
    ],
    options: [
      ["--days <number>", "the last days, today in UTC among them; 30 unless given, 90 at most"],
    ],
    callsService: true,
    load: async () => (await import("./stats.ts")).run,
  },
  {
    name: "triggers",
    args: "<action> <workflow> [id...]",
    about:
      "Keep events, webhooks and schedules from starting runs of a workflow (pause), let them again (resume); list what came meanwhile, newest first (missed), and start it (replay). Runs under way go on.",
    examples: [
      [`triggers pause expense-approval --reason "the bank is closed"`, "triggers start nothing"],
      ["triggers pause expense-approval --queue 2d", "resume starts what came within two days"],
      ["triggers resume expense-approval", "triggers start runs again"],
      ["triggers missed expense-approval", "what came meanwhile"],
      ["triggers replay expense-approval 41 42", "start some of it"],
      ["triggers replay expense-approval --since 6h", "start what came within six hours"],
    ],
    options: [
      [
        "--queue <duration>",
        "pause: resume starts what came, unless it waited longer; 7 days at most",
      ],
      ["--since <duration>", "replay: what was missed so long ago at most"],
      ["--limit <number>", "missed: how many are listed, 20 unless given, 500 at most"],
      ["--reason <text>", "kept with the pause, and in its event"],
      ["--key <key>", "the Idempotency-Key: a repeat with the same key does nothing again"],
    ],
    callsService: true,
    load: async () => (await import("./triggers.ts")).run,
  },
  {
    name: "dlq",
    args: "<action> [id...]",
    about:
      "List messages that were put aside, newest first; retry or discard some. A retry ends with 1 when a message stays put aside.",
    examples: [
      ["dlq list", "what is put aside"],
      [`dlq retry OBJECTIVES/1042 --reason "the service is mended"`, "handle a message again"],
      [`dlq discard SIPHON/7 --reason "a test event"`, "settle a message without handling it"],
      ["dlq list --quiet | xargs workflows dlq retry", "retry the newest ones"],
    ],
    options: [
      ["--settled", "list those that were retried or discarded"],
      ["--unattributed", "list those whose workspace is not known (workflows:admin)"],
      ["--limit <number>", "how many are listed, 20 unless given, 500 at most"],
      ["--reason <text>", "kept with the messages"],
      ["--key <key>", "the Idempotency-Key: a repeat with the same key does nothing again"],
    ],
    callsService: true,
    load: async () => (await import("./dlq.ts")).run,
  },
];
