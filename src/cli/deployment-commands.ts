/** The commands of deployments, as data. Boundary: a part of the table of commands.ts. */
import { type CommandRow, KEY, MOCK_OPTIONS } from "./command-row.ts";

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
      [
        `deploy expense-approval --to production --simulate --input '{"amount_usd": 900}'`,
        "only if its simulation ends well",
      ],
      [
        `deploy expense-approval --to production --simulate --mock pay='{"output": {"id": "p1"}}'`,
        "with the answer of a step",
      ],
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
      ["--simulate", "play the version first; a run that does not end COMPLETED is not deployed"],
      ["--input <json>", "with --simulate: the input of the run, a JSON object"],
      ["--input-file <file>", "with --simulate: a file with the input, - for standard input"],
      ["--mocks-from <run>", "with --simulate: steps are answered as those of this run were"],
      ...MOCK_OPTIONS.map(([form, text]) => [form, `with --simulate: ${text}`] as const),
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
  {
    name: "withdraw",
    args: "<deployment>",
    about: "Take a deployment back that waits for an approval. For who made it, and for admins.",
    examples: [
      [`withdraw dep_01m7z0gf5ypaazgvdbndjjmzcj --reason "wrong version"`, "nobody approves it"],
    ],
    options: [["--reason <text>", "kept with the deployment"], KEY],
    callsService: true,
    load: async () => (await import("./withdraw.ts")).run,
  },
  {
    name: "environments",
    args: "<action> [environment]",
    about:
      "What deployments need: policy prints the rules of the workspace, or with options changes the rule of an environment. What is not named stays.",
    examples: [
      ["environments policy", "all rules"],
      ["environments policy production --approvers ann,group:finance", "one of them approves"],
      ["environments policy production --simulated --ran-in staging", "tests come before"],
      ["environments policy staging --simulated --without-approval", "a test alone"],
      [`environments policy staging --remove --reason "no tests there"`, "it needs nothing"],
    ],
    options: [
      ["--approvers <names>", "any one of them approves; an empty text: everybody who decides"],
      ["--without-approval", "nobody approves"],
      ["--simulated", "its simulation came to a good end"],
      ["--not-simulated", "it needs no simulation"],
      ["--ran-in <environment>", "a run of it completed there; an empty text: none is needed"],
      ["--remove", "the environment has no rule any more"],
      ["--reason <text>", "kept with the policy"],
      KEY,
    ],
    callsService: true,
    load: async () => (await import("./environments.ts")).run,
  },
];
