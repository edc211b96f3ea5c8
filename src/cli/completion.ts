/**
 * `workflows completion`: a script for a shell, and the names that it asks for while a word is completed.
 * Boundary: text. A name reaches the command line of a person as it is, so that only names without special characters are given, and none that an option could be.
 */
import type { Action, Call } from "./call.ts";
import type { CommandRow } from "./command-row.ts";
import { bashScript, fishScript, zshScript } from "./completion-scripts.ts";
import { type CommandWords, commandWords, type OptionsOf, SHELLS } from "./completion-words.ts";
import { EXIT, usageFault } from "./failure.ts";
import { connectService } from "./service.ts";
import { readSettings } from "./settings.ts";

/** A person waits for it. */
const NAMES_WITHIN = { timeoutMs: 1_000 };
const NAMES_AT_MOST = 100;
const PLAIN = /^[A-Za-z0-9_.@][A-Za-z0-9_.@-]*$/;

/** Prints a script, or with `workflows` or `runs` names. */
export function completing(commands: readonly CommandRow[], optionsOf: OptionsOf): Action {
  return async (call) => {
    const [what = ""] = call.args;
    const script = SCRIPTS[what];
    if (script !== undefined) call.out.line(script(commandWords(commands, optionsOf)).trimEnd());
    else if (what === "workflows" || what === "runs") {
      for (const name of await namesOf(what, call)) if (PLAIN.test(name)) call.out.line(name);
    } else throw usageFault(`"${what}" is no shell of ${SHELLS.join(", ")}`);
    return EXIT.done;
  };
}

async function namesOf(what: "workflows" | "runs", call: Call): Promise<string[]> {
  const service = connectService(await readSettings(call.options));
  const page = { workspaceId: service.settings.workspace, limit: NAMES_AT_MOST };
  if (what === "runs") {
    const { runs } = await service.workflows.listRuns(page, NAMES_WITHIN);
    return runs.map(({ id }) => id);
  }
  const { definitions } = await service.workflows.listDefinitions(page, NAMES_WITHIN);
  return definitions.map(({ name }) => name);
}

const SCRIPTS: Readonly<Record<string, (commands: readonly CommandWords[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};
