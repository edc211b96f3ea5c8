/**
 * The files of the compiled console, read once.
 * Boundary: disk alone. What is served is what this map holds: no path of a request reaches the disk.
 */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";

/** One file. */
export interface Asset {
  readonly bytes: Buffer;
  /** As the build wrote it beside the file. */
  readonly gzipped: Buffer | undefined;
  readonly contentType: string;
  /** Its name has a hash of what it holds. */
  readonly isHashed: boolean;
}

/** A compiled console. */
export interface Assets {
  /** By their paths below the console, such as `assets/main-3f2a.js`. */
  readonly files: ReadonlyMap<string, Asset>;
  /** The page, with the places that page.ts fills. */
  readonly page: string;
}

const PAGE = "index.html";
const GZIPPED = ".gz";
const HASHED = /^assets\//;
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".json": "application/json; charset=utf-8",
};

/** The files of a folder; undefined: nothing has been built there. */
export function readAssets(folder: string): Assets | undefined {
  const found = new Map(listFiles(folder).map((path) => [path, readFileSync(join(folder, path))]));
  const page = found.get(PAGE)?.toString("utf8");
  if (page === undefined) return undefined;
  const files = new Map<string, Asset>();
  for (const [path, bytes] of found) {
    const contentType = TYPES[extname(path)];
    if (contentType === undefined) continue;
    const gzipped = found.get(`${path}${GZIPPED}`);
    files.set(path, { bytes, gzipped, contentType, isHashed: HASHED.test(path) });
  }
  return { files, page };
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
