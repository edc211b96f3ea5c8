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
}

/** All kinds, fast ones first. */
export const testProjects: readonly TestProject[] = [
  { name: "unit", needsParts: false, timeoutMs: 5_000 },
  { name: "contract", needsParts: true, timeoutMs: 30_000 },
  { name: "tidy", needsParts: false, timeoutMs: 60_000 },
  { name: "scenario", needsParts: true, timeoutMs: 30_000 },
  { name: "property", needsParts: true, timeoutMs: 120_000 },
  { name: "integration", needsParts: true, timeoutMs: 60_000 },
  { name: "faults", needsParts: true, timeoutMs: 180_000 },
];
