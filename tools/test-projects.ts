/**
 * The kinds of tests, one folder under test/ each: the one list that vitest's configuration and
 * `npm test` share.
 */

/** One kind of tests. */
export interface TestProject {
  /** The folder under test/, and the word that selects it: `npm test -- unit`. */
  readonly name: string;
  /** Whether its tests find a Postgres and a NATS server in their environment. */
  readonly needsParts: boolean;
  /** The limit of one test or hook. */
  readonly timeoutMs: number;
  /** Whether a file's modules are its own; pure ones are loaded, and compiled by the engine, once for all files. */
  readonly isolate: boolean;
  /** Whether a test that blocks the event loop fails: true where the service runs in the same process. */
  readonly watchesLoop: boolean;
  /** Runs only where its name or a path of it is given: it has a command of its own. */
  readonly onlyNamed?: true;
}

/** All kinds, fast ones first. */
export const testProjects: readonly TestProject[] = [
  { name: "unit", needsParts: false, timeoutMs: 20_000, isolate: false, watchesLoop: false },
  { name: "contract", needsParts: true, timeoutMs: 30_000, isolate: false, watchesLoop: true },
  { name: "tidy", needsParts: false, timeoutMs: 60_000, isolate: true, watchesLoop: false },
  { name: "scenario", needsParts: true, timeoutMs: 30_000, isolate: true, watchesLoop: false },
  { name: "docs", needsParts: true, timeoutMs: 60_000, isolate: false, watchesLoop: false },
  { name: "integration", needsParts: true, timeoutMs: 60_000, isolate: false, watchesLoop: true },
  {
    name: "compiled",
    needsParts: false,
    timeoutMs: 60_000,
    isolate: true,
    watchesLoop: false,
    onlyNamed: true,
  },
  {
    name: "browser",
    needsParts: true,
    timeoutMs: 60_000,
    isolate: true,
    watchesLoop: false,
    onlyNamed: true,
  },
  {
    name: "faults",
    needsParts: true,
    timeoutMs: 180_000,
    isolate: false,
    watchesLoop: true,
    onlyNamed: true,
  },
  {
    name: "property",
    needsParts: true,
    timeoutMs: 300_000,
    isolate: false,
    watchesLoop: false,
    onlyNamed: true,
  },
  {
    name: "fuzz",
    needsParts: true,
    timeoutMs: 300_000,
    isolate: false,
    watchesLoop: false,
    onlyNamed: true,
  },
  {
    name: "simulation",
    needsParts: true,
    timeoutMs: 600_000,
    isolate: true,
    watchesLoop: false,
    onlyNamed: true,
  },
  {
    name: "upgrade",
    needsParts: true,
    timeoutMs: 240_000,
    isolate: true,
    watchesLoop: false,
    onlyNamed: true,
  },
  {
    name: "engines",
    needsParts: true,
    timeoutMs: 300_000,
    isolate: true,
    watchesLoop: false,
    onlyNamed: true,
  },
  {
    name: "scale",
    needsParts: true,
    timeoutMs: 240_000,
    isolate: true,
    watchesLoop: false,
    onlyNamed: true,
  },
];
