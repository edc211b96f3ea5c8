/**
 * The tool `do`: one action with its arguments, or lines of code that name several, done in order.
 * Boundary: arguments to actions; the code is parsed by code.ts and never evaluated.
 * Invariant: the whole call is read before anything is done; the first action that fails ends it, and its answer has what was done.
 */
import { isJsonObject, type Json, type JsonObject, putValue } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import type { Action, ActionCaller } from "./action.ts";
import { ACTIONS } from "./actions.ts";
import { type CodeLine, readCode } from "./code.ts";
import { DONE_BY_HAND } from "./people-actions.ts";
import { findName, requireObject, shown } from "./shapes.ts";
import { type McpWorld, ToolFault } from "./world.ts";

const ARGUMENTS = ["action", "args", "code", "key"];
const KEY = /^[\x21-\x7e]{1,200}$/;

/** What `do` is given, as JSON Schema: the actions that the caller may do. */
export function doInput(actions: readonly string[]) {
  return {
    type: "object",
    properties: {
      action: { type: "string", enum: [...actions], description: "One action, with args" },
      args: { type: "object", description: actions.map(signatureOf).join(" ") },
      code: {
        type: "string",
        description:
          'Instead of action: lines such as await $.Workflow.trigger("wf_1", {"amount": 40}), of these actions and with ' +
          "literals alone. They are parsed, not evaluated, and done in order.",
      },
      key: {
        type: "string",
        description:
          "A repeat with the same key does nothing again: give one, and use it again if no answer came",
      },
    },
  };
}

/** The actions that these RPCs allow, for an agent those that agents may do. */
export function actionsOf(rpcs: Iterable<string>, isAgent: boolean): string[] {
  const allowed = new Set(rpcs);
  return [...ACTIONS].flatMap(([name, { rpc, isForAgents }]) =>
    allowed.has(rpc) && (isForAgents === true || !isAgent) ? [name] : [],
  );
}

interface Asked {
  readonly name: string;
  readonly action: Action;
  readonly args: JsonObject;
  /** The name after `const`. */
  readonly as: string | undefined;
}

/** do. Throws a ToolFault where nothing was done, or says what was done before one failed. */
export async function doAll(world: McpWorld, given: Json): Promise<JsonObject> {
  const { isAgent, subject, rpcs } = await world.clients.system.whoAmI({});
  const allowed = actionsOf(rpcs, isAgent);
  const { asked, key } = readDo(requireObject("arguments", given), allowed, isAgent);
  const caller: ActionCaller = { isAgent, subject };
  const results: Json[] = [];
  for (const [at, { name, action, args, as }] of asked.entries()) {
    // Of one action too: no key of a caller may be that of another call's line.
    const options = { headers: { "Idempotency-Key": `${key}-${at + 1}` } };
    try {
      const result = await action.run({ world, caller, args, options });
      results.push({ action: name, ...(as === undefined ? {} : { name: as }), result });
    } catch (error) {
      if (results.length === 0) throw error;
      const why = error instanceof ToolFault ? error.message : world.describe(error);
      const done = JSON.stringify(results);
      throw new ToolFault(
        `${name}, action ${at + 1} of ${asked.length}, failed: ${why}. Done before: ${done}`,
      );
    }
  }
  return { results };
}

function readDo(given: JsonObject, allowed: readonly string[], isAgent: boolean) {
  const args: JsonObject = {};
  for (const [name, value] of Object.entries(given)) args[findName(name, ARGUMENTS, "do")] = value;
  const { action, code, key = crypto.randomUUID() } = args;
  if (typeof key !== "string" || !KEY.test(key)) {
    throw new ToolFault("key must be 1 to 200 visible ASCII characters");
  }
  if ((action === undefined) === (code === undefined)) {
    throw new ToolFault("give either action with args, or code");
  }
  if (code !== undefined && args.args !== undefined) {
    throw new ToolFault("args is for action; the lines of code have their own");
  }
  if (code === undefined) {
    const name = typeof action === "string" ? action : shown(action ?? null);
    const found = findAction(name, allowed, isAgent);
    const named = readArgs(name, found, requireObject("args", args.args ?? {}));
    return { asked: [{ name, action: found, args: named, as: undefined }], key };
  }
  if (typeof code !== "string") throw new ToolFault("code must be a text");
  return { asked: readCode(code).map((line) => readLine(line, allowed, isAgent)), key };
}

function readLine(line: CodeLine, allowed: readonly string[], isAgent: boolean): Asked {
  const { action: name, name: as } = line;
  const where = `code, line ${line.line}: `;
  const action = findAction(name, allowed, isAgent, where);
  const { args, places } = action;
  const named: JsonObject = {};
  for (const [at, value] of line.args.entries()) {
    const place = at < places ? args[at] : undefined;
    // One object alone, or the one after the places, has arguments by their names.
    const isByName = isJsonObject(value) && (line.args.length === 1 || at === places);
    if (isByName) {
      for (const [key, each] of Object.entries(value)) putValue(named, key, each);
    } else if (place === undefined) {
      throw new ToolFault(`${where}${name} takes ${signatureOf(name)}`);
    } else named[place] = value;
  }
  return { name, action, args: readArgs(`${where}${name}`, action, named), as };
}

/** An action that is not among those of the caller is refused in words that say why. */
function findAction(
  name: string,
  allowed: readonly string[],
  isAgent: boolean,
  where = "",
): Action {
  const action = ACTIONS.get(name);
  if (action !== undefined && allowed.includes(name)) return action;
  const byHand = DONE_BY_HAND.get(name);
  if (byHand !== undefined) {
    throw new ToolFault(
      `${where}${name} is refused: nothing is decided or deployed over MCP. A person does it in the console, or by \`${byHand}\``,
    );
  }
  if (action === undefined) {
    throw new ToolFault(
      `${where}there is no action ${name}${nearest(name, ACTIONS.keys())}; yours are ${allowed.join(", ")}`,
    );
  }
  const isRefused = isAgent && action.isForAgents !== true;
  const why = isRefused
    ? "an agent does not do it: an agent triggers workflows, sends events, reports on its steps and asks for approval; people decide, deploy and stop"
    : "the token lacks the scope that it needs";
  throw new ToolFault(`${where}${name} is refused: ${why}`);
}

function readArgs(owner: string, { args }: Action, given: JsonObject): JsonObject {
  if (args[0] === "*") return given;
  const named: JsonObject = {};
  for (const [name, value] of Object.entries(given)) {
    named[findName(name, args, `arguments of ${owner}`)] = value;
  }
  return named;
}

/** An action with its arguments and what it does. */
function signatureOf(name: string): string {
  const action = ACTIONS.get(name);
  if (action === undefined) return name;
  const args = action.args[0] === "*" ? "filter" : action.args.join(", ");
  return `${name}(${args}): ${action.about}.`;
}
