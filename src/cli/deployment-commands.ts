/** The commands of deployments, as data. Boundary: a part of the table of commands.ts. */
import { type CommandRow, KEY } from "./command-row.ts";

/** In the order of the help. */
export const DEPLOYMENT_COMMANDS: readonly CommandRow[] = [
  {
    name: "deploy",
    args: "<workflow>",
    about:
      "Deploy a version of a workflow to an environment: the newest one, the one of another environment, or an older one to roll back.",
    examples: [
      ["deploy expense-approval --to staging", "the newest version"],
      ["deploy expense-approval --to production --from staging", "what was tested there"],
      [`deploy expense-approval --to production --version 2 --reason "3 asks twice"`, "roll back"],
      ["deploy expense-approval --to staging --var limit=500", "with another value of run.vars"],
    ],
    options: [
      ["--to <environment>", "production, staging, development or another name; required"],
      ["--version <number>", "a version; the newest unless given"],
      ["--from <environment>", "the version that is deployed there"],
      [
        "--var <name=value>",
        "a value of run.vars, JSON or else a text, null to remove it; may be given several times, the others stay",
      ],
      ["--retire", "end what is deployed there, and deploy nothing"],
      ["--reason <text>", "kept with the deployment"],
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./deploy.ts")).run,
  },
  {
    name: "deployments",
    args: "<workflow>",
    about: "List what is deployed where, or with --all what was too, newest first.",
    examples: [
      ["deployments expense-approval", "what is deployed now"],
      ["deployments expense-approval --environment production --all", "the history of production"],
    ],
    options: [
      ["--environment <name>", "of one environment"],
      ["--all", "ended ones too"],
      ["--limit <number>", "how many, 20 unless given, 500 at most"],
    ],
    callsService: true,
    load: async () => (await import("./deployments.ts")).run,
  },
];
