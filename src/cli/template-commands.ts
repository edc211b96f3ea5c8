/** Rows of commands.ts: before a workflow runs. Boundary: data; each command is loaded when it runs. */
import { type CommandRow, KEY, MOCK_OPTIONS } from "./command-row.ts";

/** Simulations and templates. */
export const TEMPLATE_COMMANDS: readonly CommandRow[] = [
  {
    name: "simulate",
    args: "<file>",
    about:
      "Play a workflow file on a virtual clock: the path, why it was taken, waits, costs and the end. Nothing is called, and no service is needed. The exit code says how it ended.",
    examples: [
      [
        `simulate expense.workflow.yaml --input '{"employee": "Sam", "amount_usd": 900}'`,
        "every step answers as it is assumed: agents give {}, requests are approved",
      ],
      [
        `simulate expense.workflow.yaml --input '{"employee": "Sam", "amount_usd": 900}' --deny manager`,
        "the request of a gate is denied",
      ],
      [
        `simulate expense.workflow.yaml --mock pay='{"error": "no money"}' --mock pay='{"output": {"id": "p1"}, "delay": "2h", "cost": 0.1}'`,
        "the first attempt fails, the next one ends after two hours",
      ],
      [
        "simulate expense.workflow.yaml --silent manager --json",
        "nobody answers, so that the timers decide; one JSON object",
      ],
    ],
    options: [
      ["--input <json>", "the input, a JSON object"],
      ["--input-file <file>", "a file with the input, - for standard input"],
      ...MOCK_OPTIONS,
      ["--at <time>", "when the run starts, such as 2026-12-01T09:00:00Z; now unless given"],
    ],
    callsService: false,
    load: async () => (await import("./simulate.ts")).run,
  },
  {
    name: "templates",
    args: "<action> [template]",
    about:
      "List the templates of the service and of the workspace, show one, or install one as a workflow. Save or delete one of the workspace.",
    examples: [
      ["templates list", "what there is"],
      ["templates show expense-approval", "what it needs and takes, and its file"],
      [
        "templates install expense-approval --set threshold_usd=250 --set manager=user_ann",
        "a workflow of this name, which can be started at once",
      ],
      ["templates install expense-approval --name travel-expenses", "under another name"],
      [
        'templates save our-expenses --from expense-approval --title "Our expenses"',
        "keep the latest version of a workflow as a template",
      ],
      [
        "templates save our-expenses --file our-expenses.yaml --about template.yaml --replace",
        "with parameters: $(name) in the file, described in template.yaml",
      ],
      ["templates delete our-expenses", "what was made of it stays"],
    ],
    options: [
      ["--category <category>", "of list: one category; of save: that of the template"],
      ["--text <text>", "of list: a part of id, title or summary"],
      ["--name <name>", "of install: the name of the workflow; the template's id unless given"],
      [
        "--set <parameter=value>",
        "of install: a parameter, JSON or else a text; may be given several times",
      ],
      ["--note <text>", "of install: why; kept with the version"],
      ["--from <workflow>", "of save: the workflow whose text it is"],
      ["--version <number>", "of save: a version of it; the latest one unless given"],
      ["--draft", "of save: its draft"],
      ["--file <file>", "of save: a file with the text, - for standard input"],
      [
        "--about <file>",
        "of save: a YAML file with title, summary, category, parameters and needs, as template.yaml of the gallery",
      ],
      ["--title <text>", "of save"],
      ["--summary <text>", "of save: one sentence"],
      ["--replace", "of save: in place of the template of that id"],
      ["--reason <text>", "of save and delete: why"],
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./templates.ts")).run,
  },
];
