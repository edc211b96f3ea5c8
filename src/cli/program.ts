/** The command line by commander. Boundary: words to calls; what a command does is in its file. */
import { Command, type Help } from "commander";
import type { Options } from "./call.ts";
import type { CommandRow } from "./command-row.ts";
import { COMMANDS, optionsOf } from "./commands.ts";
import { EXIT_MEANINGS } from "./failure.ts";

/** Runs a command of the table; gives its exit code. */
export type Runner = (row: CommandRow, args: readonly string[], options: Options) => Promise<void>;

/** The program. Usage errors are thrown as CommanderError. */
export function buildProgram(run: Runner): Command {
  const program = new Command("workflows")
    .description("Publish workflows, start them and see how they go.")
    .exitOverride()
    .helpOption("-h, --help", "show the help")
    .helpCommand("help [command]", "show the help of a command")
    .configureOutput({ outputError: (text, write) => write(refusal(text, "workflows --help")) })
    .configureHelp({ formatHelp: (command, help) => rootHelp(command, help) });
  for (const row of COMMANDS) program.addCommand(buildCommand(row, run));
  return program;
}

function buildCommand(row: CommandRow, run: Runner): Command {
  const command = new Command(row.name)
    .description(row.about)
    .exitOverride()
    .helpOption("-h, --help", "show the help")
    .showSuggestionAfterError(true)
    .configureOutput({
      outputError: (text, write) => write(refusal(text, `workflows ${row.name} --help`)),
    })
    .configureHelp({ formatHelp: (shown, help) => commandHelp(row, shown, help) });
  if (row.args !== "") command.arguments(row.args);
  for (const [flags, about] of optionsOf(row)) {
    if (isOfFields(flags)) command.option(flags, about, collected);
    else command.option(flags, about);
  }
  return command.action(async (...given: unknown[]) => {
    await run(row, argumentsOf(given), command.opts<Options>());
  });
}

/** As other faults are told, with the nearest known name, else with the command that says what there is. */
function refusal(text: string, help: string): string {
  const fault = text.replace(/^error: /, "workflows: ");
  return fault.includes("(Did you mean") ? fault : `${fault.trimEnd()}\n${help} shows how\n`;
}

/** `--edit <field=value>` may be given several times. */
function isOfFields(flags: string): boolean {
  return flags.endsWith("=value>");
}

function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Commander hands on the arguments, a list where there may be several, then the options and the command. */
function argumentsOf(given: readonly unknown[]): string[] {
  return given
    .slice(0, -2)
    .flat()
    .filter((each) => typeof each === "string");
}

/** Examples first, for they are what is looked for. */
function commandHelp({ examples }: CommandRow, command: Command, help: Help): string {
  return [...exampleLines(examples), "", restOfHelp(command, help)].join("\n");
}

function exampleLines(examples: CommandRow["examples"]): string[] {
  return [
    "Examples:",
    ...examples.flatMap(([line, about]) => [`  workflows ${line}`, `      ${about}`]),
  ];
}

function restOfHelp(command: Command, help: Help): string {
  const options = help
    .visibleOptions(command)
    .map((each) => [help.optionTerm(each), each.description]);
  return [
    `Usage: ${help.commandUsage(command)}`,
    "",
    help.commandDescription(command),
    "",
    "Options:",
    ...aligned(options),
    "",
  ].join("\n");
}

function rootHelp(command: Command, help: Help): string {
  const commands = help.visibleCommands(command).map((each) => [each.name(), each.description()]);
  return [
    "Examples:",
    "  workflows check expense.workflow.yaml",
    "  workflows apply expense.workflow.yaml",
    `  workflows start expense-approval --input '{"amount_usd": 40}' --wait`,
    "  workflows runs --state running",
    "",
    `Usage: ${help.commandUsage(command)}`,
    "",
    "Commands:",
    ...aligned(commands),
    "",
    "Exit codes:",
    ...aligned(EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning])),
    "",
  ].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([term = ""]) => term.length));
  return rows.map(([term = "", about = ""]) => `  ${term.padEnd(width)}  ${about}`);
}
