/** Names of people as the service records them, and of the values of generated enums, which are plain objects. */

/** The name of a value; "" where it has none here, as one of a newer service. */
export function nameOfValue(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? "";
}

/** A name as the service records it: one that nobody proved is marked. */
export function actorWords(recorded: string): string {
  const name = recorded.replace(/^unverified:/, "");
  return name === recorded ? name : `${name} (unverified)`;
}

const PROGRAMS: Readonly<Record<string, string>> = { cli: "command line", mcp: "MCP server" };

/** Through which program somebody came; "" where it did not say. */
export function throughWords(via: string): string {
  return via === "" ? "" : ` through the ${PROGRAMS[via] ?? via}`;
}
