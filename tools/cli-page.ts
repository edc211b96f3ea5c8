/** docs/cli.md: the commands, from the table that the program is made of. */
import type { CommandRow } from "../src/cli/command-row.ts";
import { COMMANDS, OUTPUT_OPTIONS, SERVICE_OPTIONS } from "../src/cli/commands.ts";
import { EXIT_MEANINGS } from "../src/cli/failure.ts";

type Rows = readonly (readonly [string, string])[];

/** The text of docs/cli.md. */
export function cliPage(): string {
  return [
    "# The command line",
    "",
    "`npx tsx tools/make-pages.ts` makes this page from the code. Do not edit it.",
    "",
    "`npx workflows COMMAND` in a clone of this project. `workflows help COMMAND` shows its examples and options.",
    "",
    "Data goes to standard output, everything else to standard error. Lists are a table on a terminal and fields with tabs",
    "between them in a pipe. A definition is named by its name in the workspace or by its id.",
    "",
    ...COMMANDS.flatMap(sectionOf),
    "## Options of every command",
    "",
    ...tableOf(OUTPUT_OPTIONS),
    "",
    "## Which service",
    "",
    "A flag is used before its variable, a variable before the profile.",
    "",
    ...tableOf(SERVICE_OPTIONS),
    "",
    "Profiles stand in `~/.config/workflows/config.yaml` (or below `XDG_CONFIG_HOME`):",
    "",
    "```yaml",
    "profile: local          # the one that is used without --profile",
    "profiles:",
    "  local: { server: http://127.0.0.1:8080, workspace: ws_demo }",
    "  production: { server: https://workflows.example.com, token_file: ~/.workflows-token }",
    "```",
    "",
    "## Exit codes",
    "",
    "| code | meaning |",
    "| --- | --- |",
    ...EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    "",
  ].join("\n");
}

function sectionOf({ name, args, about, examples, options }: CommandRow): string[] {
  return [
    `## \`${["workflows", name, args].join(" ").trimEnd()}\``,
    "",
    about,
    "",
    "```sh",
    ...examples.map(([line, what]) => `workflows ${line}   # ${what}`),
    "```",
    "",
    ...(options.length === 0 ? [] : [...tableOf(options), ""]),
  ];
}

function tableOf(rows: Rows): string[] {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    "| option | |",
    "| --- | --- |",
    ...rows.map(([flags, about]) => `| \`${cell(flags)}\` | ${cell(about)} |`),
  ];
}
