/** The commands of what starts runs, as data. Boundary: a part of the table of commands.ts. */
import { type CommandRow, KEY, type OptionRow } from "./command-row.ts";

const REASON: OptionRow = ["--reason <text>", "kept with the change"];

/** In the order of the help. */
export const STARTER_COMMANDS: readonly CommandRow[] = [
  {
    name: "endpoints",
    args: "<action> [id]",
    about:
      "Make, rotate, list and delete webhooks: URLs to which others post what starts runs. A URL and a secret are printed once.",
    examples: [
      ["endpoints create expense-approval --verify github", "a URL and a secret"],
      ["endpoints list --workflow expense-approval", "those of a workflow"],
      [
        "endpoints create expense-approval --verify none --environment staging",
        "what is deployed in staging",
      ],
      [
        "endpoints rotate whk_01m7z0gf5ypaazgvdbndjjmzcj --grace 1h",
        "another URL, the old one for an hour",
      ],
      ["endpoints delete whk_01m7z0gf5ypaazgvdbndjjmzcj", "its URLs stop to work"],
    ],
    options: [
      ["--workflow <workflow>", "create, list: the workflow, by its name or id"],
      [
        "--verify <scheme>",
        "create: none, standard-webhooks, hmac, github, stripe, slack or bearer",
      ],
      ["--secret-file <file>", "create: a file with the sender's secret, - for standard input"],
      ["--header <name>", "create: the header of an hmac; X-Signature unless given"],
      ["--name <text>", "create: what people call it"],
      ["--environment <name>", "create: where runs start; production unless given"],
      [
        "--rotate-on-publish",
        "create: another URL whenever another version starts runs there; list --urls shows it",
      ],
      [
        "--grace <duration>",
        "rotate, and create with --rotate-on-publish: how long the old URL works on, such as 1h; 24h unless given",
      ],
      ["--urls", "list: show the URLs of endpoints that rotate by themselves"],
      ["--limit <number>", "list: how many, 50 unless given"],
      REASON,
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./endpoints.ts")).run,
  },
  {
    name: "schedules",
    args: "<action> [what]",
    about:
      "Make, list, change, pause, resume and delete times at which runs are started; run one now, or the slots of a time that is over; preview a line.",
    examples: [
      [`schedules create sync --cron "0 9 * * MON" --zone Europe/Berlin`, "a schedule"],
      [`schedules create sync --cron weekdays --overlap skip`, "by a preset"],
      [`schedules preview "*/15 8-18 * * MON-FRI"`, "a line in words and its next times"],
      [
        "schedules create sync --cron monthly --run-as group:finance",
        "its runs act for a group; a lead of it makes it",
      ],
      [
        "schedules update wsc_01m7z0gf5ypaazgvdbndjjmzcj --cron weekdays --overlap skip",
        "what the options name; the rest stays",
      ],
      ["schedules list --workflow sync", "those of a workflow, with the trigger of its version"],
      ["schedules pause wsc_01m7z0gf5ypaazgvdbndjjmzcj --reason audit", "until it is resumed"],
      ["schedules run wsc_01m7z0gf5ypaazgvdbndjjmzcj", "a run now"],
      [
        "schedules backfill wsc_01m7z0gf5ypaazgvdbndjjmzcj --from 2026-11-01Z --to 2026-11-08Z",
        "a run for each slot that has none",
      ],
    ],
    options: [
      ["--workflow <workflow>", "create, list: the workflow, by its name or id"],
      [
        "--cron <line>",
        "create, update: a line of cron, @every 90s, or hourly, daily 9am, weekly Monday, weekdays, monthly",
      ],
      ["--environment <name>", "create: where runs start; production unless given"],
      [
        "--zone <zone>",
        "create, update, preview: a time zone such as Europe/Berlin; UTC unless given",
      ],
      ["--input <json>", "create, update: the input of the runs, a JSON object"],
      ["--input-file <file>", "create, update: a file with the input, - for standard input"],
      [
        "--overlap <rule>",
        "create, update: allow, skip, buffer-one, buffer-all or cancel-other, while an earlier run is open",
      ],
      ["--catch-up <duration>", "create, update: a missed slot that is older does not run"],
      ["--jitter <duration>", "create, update: runs start so much later at most"],
      ["--run-as <whom>", "create, update: user:NAME, group:NAME or org; you unless given"],
      ["--paused", "create: it starts nothing before it is resumed"],
      ["--name <text>", "create, update: what people call it"],
      ["--from <time>", "backfill, create, update: the first slot, as 2026-11-29T08:00Z"],
      ["--to <time>", "backfill, create, update: no slot from here on"],
      ["--limit <number>", "list, preview: how many"],
      REASON,
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./schedules.ts")).run,
  },
];
