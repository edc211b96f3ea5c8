/**
 * Which service a command speaks to: flags, then variables, then the profile of the config file, then the defaults.
 * Boundary: the only reader of the environment in this folder. A token is never printed.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { nearest } from "../file/faults.ts";
import { CliFailure, EXIT } from "./failure.ts";

/** Flags that select the service. */
export interface ServiceFlags {
  readonly server?: string;
  readonly workspace?: string;
  readonly profile?: string;
  readonly tokenFile?: string;
}

/** The service and who calls. */
export interface Settings {
  /** The base URL, without a slash at its end. */
  readonly server: string;
  /** "" when unset: the token's workspace. */
  readonly workspace: string;
  readonly token?: string;
}

interface Profile {
  readonly server?: string;
  readonly workspace?: string;
  readonly token_file?: string;
}

const DEFAULT_SERVER = "http://127.0.0.1:8080";
const PROFILE_KEYS = ["server", "workspace", "token_file"];

/** The settings of a command. Refuses a faulty config file, an unknown profile and a server that is no URL. */
export async function readSettings(flags: ServiceFlags): Promise<Settings> {
  const { env } = process;
  const profile = await readProfile(flags.profile ?? env.WORKFLOWS_PROFILE);
  const server = flags.server ?? env.WORKFLOWS_SERVER ?? profile.server ?? DEFAULT_SERVER;
  const workspace = flags.workspace ?? env.WORKFLOWS_WORKSPACE ?? profile.workspace ?? "";
  const token = readToken(flags, profile);
  return { server: requireUrl(server), workspace, ...(token === undefined ? {} : { token }) };
}

function requireUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw usage(`the server "${text}" is no URL such as ${DEFAULT_SERVER}`);
  }
  return text.replace(/\/+$/, "");
}

function readToken(flags: ServiceFlags, profile: Profile): string | undefined {
  const { env } = process;
  if (flags.tokenFile === undefined && env.WORKFLOWS_TOKEN) return env.WORKFLOWS_TOKEN.trim();
  const path = flags.tokenFile ?? env.WORKFLOWS_TOKEN_FILE ?? profile.token_file;
  if (path === undefined) return undefined;
  const token = readText(path === "-" ? 0 : withHome(path), "the token").trim();
  if (token === "") throw usage(`the token file ${path} is empty`);
  return token;
}

function readText(path: string | number, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`cannot read ${what}: ${reason}`, EXIT.usage, { cause: error });
  }
}

function withHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

/** Where profiles stand. */
function configPath(): string {
  const folder = process.env.XDG_CONFIG_HOME || join(homedir(), ".config");
  return join(folder, "workflows", "config.yaml");
}

/** The profile of a name, or the one that the file names itself; an empty one without a file. */
async function readProfile(name: string | undefined): Promise<Profile> {
  const path = configPath();
  if (!existsSync(path)) {
    if (name !== undefined) throw usage(`there is no profile "${name}": ${path} does not exist`);
    return {};
  }
  const { parse } = await import("yaml");
  let config: unknown;
  try {
    config = parse(readText(path, "the config file"));
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new CliFailure(`${path}: ${reason}`, EXIT.usage, { cause: error });
  }
  const { profile, profiles } = objectOf(config, path);
  const wanted = name ?? (typeof profile === "string" ? profile : undefined);
  if (wanted === undefined) return {};
  const known = profiles === undefined ? {} : objectOf(profiles, `${path}: profiles`);
  if (!Object.hasOwn(known, wanted)) {
    throw usage(`${path} has no profile "${wanted}"${nearest(wanted, Object.keys(known))}`);
  }
  return profileOf(
    objectOf(known[wanted], `${path}: profiles.${wanted}`),
    `${path}: profiles.${wanted}`,
  );
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { ...value };
  }
  throw usage(`${where} must be a mapping`);
}

function profileOf(fields: Record<string, unknown>, where: string): Profile {
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (!PROFILE_KEYS.includes(key)) {
      throw usage(`${where} has an unknown key "${key}"${nearest(key, PROFILE_KEYS)}`);
    }
    if (typeof value !== "string") throw usage(`${where}.${key} must be a text`);
    texts[key] = value;
  }
  return texts;
}

function usage(message: string): CliFailure {
  return new CliFailure(message, EXIT.usage);
}
