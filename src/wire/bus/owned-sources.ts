/** Sources of events that a caller may not name. Boundary: pure; the text of the attribute `source` alone. */

/** Whose events are known by the first part of their source: this service and the services of the platform. */
const OWNED_SOURCES: ReadonlySet<string> = new Set([
  "agents",
  "approvals",
  "entities",
  "governance",
  "identity",
  "meter",
  "notifications",
  "objectives",
  "prompts",
  "registry",
  "siphon",
  "skills",
  "tap",
  "workflows",
]);

/** The source of events of callers that name none. */
export const CALLERS_SOURCE = "workflows.ops";

/** The owner of a source such as `siphon`, `Siphon/eu` or `//workflows.changes`; undefined: any caller may name it. */
export function ownerOfSource(source: string): string | undefined {
  if (source === CALLERS_SOURCE) return undefined;
  const [first = ""] = source.toLowerCase().match(/[^\s./:;?#_-]+/) ?? [];
  return OWNED_SOURCES.has(first) ? first : undefined;
}
