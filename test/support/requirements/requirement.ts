/**
 * One line of what a user asked for, with how the service does it and how that is seen.
 * Boundary: values, and the page that is made of them; the checks are played by test/integration/requirements.test.ts.
 */
import type { Stage } from "./stage.ts";

/** How far a line is done: the part that `lacks` names is missing of `partly`, all of it of `open`. */
type State = "works" | "partly" | "open";

/** A line of the table. */
export interface Requirement {
  /** What is wanted, in a few words. */
  readonly wanted: string;
  readonly state: State;
  /** The calls and commands that do it; "" where nothing does. */
  readonly by: string;
  readonly lacks?: string;
  /** Does it on the running service, in a workspace of its own, and looks at what must be seen. Absent: nothing is done yet. */
  check?(stage: Stage): Promise<void>;
}

/** Lines of one kind of user. */
export interface Requirements {
  readonly title: string;
  readonly rows: readonly Requirement[];
}

const HEAD = `# What is asked for, and what is done

A test makes this page from the table that it plays against a running service. Do not edit it: \`DOCS_UPDATE=1 npm test -- requirements\`.

Each line that works, or works in part, has a check that does it over the API and looks at the result.
`;

/** The page. */
export function requirementsPage(groups: readonly Requirements[]): string {
  const count = (state: State) =>
    groups.flatMap(({ rows }) => rows).filter((row) => row.state === state).length;
  const sums = `Of ${groups.flatMap(({ rows }) => rows).length} lines ${count("works")} work, ${count("partly")} work in part, ${count("open")} are open.`;
  return [HEAD, sums, ...groups.map(sectionOf)].join("\n").trimEnd().concat("\n");
}

function sectionOf({ title, rows }: Requirements): string {
  const lines = rows.map(({ wanted, state, by, lacks = "" }) => {
    const missing = lacks === "" ? "" : `${by === "" ? "" : "; "}missing: ${lacks}`;
    return `| ${wanted} | ${state} | ${by}${missing} |`;
  });
  return ["", `## ${title}`, "", "| wanted | state | how |", "| --- | --- | --- |", ...lines].join(
    "\n",
  );
}
