/** Names of environments. Boundary: texts alone; which ones a workflow is in is the service's to say. */

/** Those that are offered; others can be typed. */
export const USUAL_ENVIRONMENTS: readonly string[] = ["production", "staging", "development"];

/** As the service takes a name. */
export const ENVIRONMENT_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** The usual ones first, then the others by name; each once. */
export function sortEnvironments(names: Iterable<string>): string[] {
  const rank = (name: string) => {
    const at = USUAL_ENVIRONMENTS.indexOf(name);
    return at < 0 ? USUAL_ENVIRONMENTS.length : at;
  };
  return [...new Set(names)].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}
