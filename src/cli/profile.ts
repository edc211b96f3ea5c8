/**
 * Profiles of the config file: which service a name stands for.
 * Boundary: loaded only where there is such a file, and the parser of YAML with it. The import of `yaml` is static: a bundle with
 * chunks gives a dynamic import of CommonJS nothing but `default`.
 */
import { parse } from "yaml";
import { nearest } from "../file/faults.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";

/** What a profile may say. */
export interface Profile {
  readonly server?: string;
  readonly workspace?: string;
  readonly token_file?: string;
}

const PROFILE_KEYS = ["server", "workspace", "token_file"];

/**
 * The profile of a name among those of a config file, or the one that the file names itself; an empty one without both. `path` is
 * for faults.
 */
export function readProfile(text: string, path: string, name: string | undefined): Profile {
  let config: unknown;
  try {
    config = parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new CliFailure(`${path}: ${reason}`, EXIT.usage, { cause: error });
  }
  const { profile, profiles } = objectOf(config, path);
  const wanted = name ?? (typeof profile === "string" ? profile : undefined);
  if (wanted === undefined) return {};
  const known = profiles === undefined ? {} : objectOf(profiles, `${path}: profiles`);
  if (!Object.hasOwn(known, wanted)) {
    throw usageFault(`${path} has no profile "${wanted}"${nearest(wanted, Object.keys(known))}`);
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
  throw usageFault(`${where} must be a mapping`);
}

function profileOf(fields: Record<string, unknown>, where: string): Profile {
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (!PROFILE_KEYS.includes(key)) {
      throw usageFault(`${where} has an unknown key "${key}"${nearest(key, PROFILE_KEYS)}`);
    }
    if (typeof value !== "string") throw usageFault(`${where}.${key} must be a text`);
    texts[key] = value;
  }
  return texts;
}
