/**
 * Which service a command speaks to: flags, then variables, then the profile of the config file, then the defaults.
 * Boundary: the only reader of the environment in this folder. A token is never printed.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { maskUrl } from "../settings/mask.ts";
import { usageFault } from "./failure.ts";
import type { Profile } from "./profile.ts";
import { readTextAtMost } from "./read-at-most.ts";

/** Flags that select the service. */
export interface ServiceFlags {
  readonly server?: string;
  readonly workspace?: string;
  readonly profile?: string;
  readonly tokenFile?: string;
  readonly as?: string;
}

/** The service and who calls. */
export interface Settings {
  /** The base URL, without a slash at its end. */
  readonly server: string;
  /** "" when unset: the token's workspace. */
  readonly workspace: string;
  readonly token?: string;
  /** Who acts, where no token says it. */
  readonly actor?: string;
  /** Where what is started starts; unset: in production. */
  readonly environment?: string;
}

const DEFAULT_SERVER = "http://127.0.0.1:8080";
const MAX_TOKEN_BYTES = 65_536;
const MAX_CONFIG_BYTES = 1_048_576;

/** The settings of a command. Refuses a faulty config file, an unknown profile and a server that is no URL. */
export async function readSettings(flags: ServiceFlags): Promise<Settings> {
  const { env } = process;
  const profile = await findProfile(flags.profile ?? env.WORKFLOWS_PROFILE);
  const server = flags.server ?? env.WORKFLOWS_SERVER ?? profile.server ?? DEFAULT_SERVER;
  const workspace = flags.workspace ?? env.WORKFLOWS_WORKSPACE ?? profile.workspace ?? "";
  const token = readToken(flags, profile);
  const actor = token === undefined ? findActor(flags) : undefined;
  if (token !== undefined && flags.as !== undefined) {
    throw usageFault("--as is for a service without authentication: the token says who acts");
  }
  return {
    ...{ server: requireUrl(server), workspace },
    ...(token === undefined ? {} : { token }),
    ...(actor === undefined ? {} : { actor }),
  };
}

/** A user name that no header can hold is left out. */
function findActor({ as }: ServiceFlags): string | undefined {
  if (as !== undefined) return requireHeaderText(as, "the name of --as");
  const user = process.env.USER ?? "";
  return /^[\x21-\x7e]{1,200}$/.test(user) ? user : undefined;
}

function requireUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw usageFault(`the server "${maskUrl(text)}" is no URL such as ${DEFAULT_SERVER}`);
  }
  return text.replace(/\/+$/, "");
}

function readToken(flags: ServiceFlags, profile: Profile): string | undefined {
  const { env } = process;
  if (flags.tokenFile === undefined && env.WORKFLOWS_TOKEN) {
    return requireHeaderText(env.WORKFLOWS_TOKEN.trim(), "the token of WORKFLOWS_TOKEN");
  }
  const path = flags.tokenFile ?? env.WORKFLOWS_TOKEN_FILE ?? profile.token_file;
  if (path === undefined) return undefined;
  const token = readTextAtMost(withHome(path), MAX_TOKEN_BYTES, "the token").trim();
  if (token === "") throw usageFault(`the token file ${path} is empty`);
  return requireHeaderText(token, `the token of ${path}`);
}

/** A text that a header can hold. The fault does not show it: it may be a secret. */
export function requireHeaderText(text: string, what: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw usageFault(`${what} must be one line of ASCII without spaces`);
}

function withHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

/** Where profiles stand. */
function configPath(): string {
  const folder = process.env.XDG_CONFIG_HOME || join(homedir(), ".config");
  return join(folder, "workflows", "config.yaml");
}

async function findProfile(name: string | undefined): Promise<Profile> {
  const path = configPath();
  if (!existsSync(path)) {
    if (name !== undefined)
      throw usageFault(`there is no profile "${name}": ${path} does not exist`);
    return {};
  }
  const { readProfile } = await import("./profile.ts");
  return readProfile(readTextAtMost(path, MAX_CONFIG_BYTES, "the config file"), path, name);
}

/** Whether the terminal of this process can move its cursor. */
export function canDraw(): boolean {
  return process.stdout.isTTY && process.env.TERM !== "dumb";
}
