/**
 * Enforces the import table over src/: rooms and packages, purity, the one reader of the
 * environment, who may name step types, who makes a Visibility, and the absence of import cycles.
 * `npx tsx tools/check-imports.ts` prints what it finds.
 *
 * Boundary: reads text with regular expressions, for speed; types and unresolved paths are the
 * compiler's. Type imports count too, because they are a dependency.
 */
import { readdir, readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join, posix, relative, sep } from "node:path";
import { STEP_TYPES } from "../src/engine/steps/types.ts";
import {
  environmentReaders,
  impurities,
  type Room,
  rooms,
  typeKnowers,
  visibilityMakers,
  visibilityMaking,
} from "./import-table.ts";
import { projectRoot } from "./run-command.ts";

/** Files by path from the project's root, with their text. */
export type SourceFiles = ReadonlyMap<string, string>;

interface Import {
  /** A path from the project's root, a package's name with its subpath, or a Node module. */
  readonly target: string;
  readonly relative: boolean;
  readonly names: readonly string[];
}

const COMMENT_OR_TEXT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
const IMPORT = /\b(?:import|export)\b(?:\s*\(\s*|([^;"'()=]*?)\bfrom\s*|\s*)["']([^"'\n]+)["']/g;

const TYPE_NAMES = STEP_TYPES.join("|");
/** A step type as a text of its own, and as a key or a property of an object. */
const QUOTED_TYPE = new RegExp(`["'\`](${TYPE_NAMES})["'\`]`);
const TYPE_AS_KEY = new RegExp(`\\b(${TYPE_NAMES})\\s*:|\\.(${TYPE_NAMES})\\b`);

/** Text without comments, so that words in prose do not count. */
function withoutComments(text: string): string {
  return text.replace(COMMENT_OR_TEXT, (found) => (found.startsWith("/") ? " " : found));
}

/** Text without comments and quoted strings. Templates stay, for they hold code. */
function codeOnly(text: string): string {
  return text.replace(COMMENT_OR_TEXT, (found) => (found.startsWith("/") ? " " : '""'));
}

function importsOf(path: string, text: string): Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].map(([, clause = "", specifier = ""]) => {
    const isRelative = specifier.startsWith(".");
    return {
      target: isRelative ? posix.join(posix.dirname(path), specifier) : specifier,
      relative: isRelative,
      names: clause.match(/[A-Za-z_$][\w$]*/g) ?? [],
    };
  });
}

function mayImport(room: Room, { target, relative: isRelative }: Import): boolean {
  if (isRelative) return [room.files, ...room.paths].some((allowed) => allowed.test(target));
  if (isBuiltin(target)) return room.builtins;
  return room.packages.some((name) => target === name || target.startsWith(`${name}/`));
}

function namesStepType(text: string, code: string): boolean {
  return QUOTED_TYPE.test(withoutComments(text)) || TYPE_AS_KEY.test(code);
}

function problemsOfFile(path: string, text: string): string[] {
  const room = rooms.find(({ files }) => files.test(path));
  if (!room) return [`${path} is in no room of tools/import-table.ts`];
  const code = codeOnly(text);
  const imports = importsOf(path, text);
  const refused = imports.filter((found) => !mayImport(room, found));
  const closed = imports
    .filter(({ target }) => target.startsWith("src/store/"))
    .flatMap(({ names }) => names.filter((name) => room.closedNames?.test(name)));
  const made = visibilityMakers.test(path)
    ? []
    : imports.flatMap(({ names }) => names.filter((name) => visibilityMaking.test(name)));
  const impure = room.pure
    ? Object.keys(impurities).filter((name) => impurities[name]?.test(code))
    : [];
  return [
    ...refused.map(({ target }) => `${path} may not import ${target}`),
    ...closed.map((name) => `${path} may not import ${name}: only the runtime writes runs`),
    ...made.map((name) => `${path} may not import ${name}: a handler takes its call's Visibility`),
    ...impure.map((name) => `${path} is pure and may not use ${name}`),
    ...(namesStepType(text, code) && !typeKnowers.test(path)
      ? [`${path} may not name a step type: its facts and behaviour are in src/engine/steps/`]
      : []),
    ...(/\bprocess\.env\b/.test(code) && !environmentReaders.test(path)
      ? [`${path} may not read process.env: that is for src/config.ts`]
      : []),
  ];
}

/** One cycle per file at which the walk comes back to where it has been. */
function findCycles(files: SourceFiles): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  function walk(path: string, trail: readonly string[]): void {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      cycles.push(`import cycle: ${[...trail.slice(seenAt), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const { target } of importsOf(path, files.get(path) ?? "")) {
      if (files.has(target)) walk(target, [...trail, path]);
    }
    done.add(path);
  }
  for (const path of files.keys()) walk(path, []);
  return cycles;
}

/** All faults of the given files against the import table, each as one line. */
export function findImportProblems(files: SourceFiles): string[] {
  const perFile = [...files].flatMap(([path, text]) => problemsOfFile(path, text));
  return [...perFile, ...findCycles(files)];
}

/** Reads every TypeScript file under src/. */
export async function readSourceFiles(): Promise<SourceFiles> {
  const entries = await readdir(join(projectRoot, "src"), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8")));
  return new Map(
    paths.map((path, i) => [relative(projectRoot, path).replaceAll(sep, "/"), texts[i] ?? ""]),
  );
}

/** The faults of src/ as it stands. */
export async function checkImports(): Promise<string[]> {
  return findImportProblems(await readSourceFiles());
}

if (import.meta.url === new URL(process.argv[1] ?? "", "file:").href) {
  const problems = await checkImports();
  for (const problem of problems) console.log(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
