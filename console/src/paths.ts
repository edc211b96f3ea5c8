/** The addresses of the pages, below the base of the console. Every part of an id is escaped. */
export const paths = {
  home: "/",
  workflows: "/workflows",
  workflow: (id: string) => `/workflows/${encodeURIComponent(id)}`,
  version: (id: string, version: number) =>
    `/workflows/${encodeURIComponent(id)}?version=${version}`,
  /** One tab of a workflow, with what else its address says. */
  workflowTab: (id: string, tab: string, more: Readonly<Record<string, string>> = {}) =>
    `/workflows/${encodeURIComponent(id)}?${new URLSearchParams({ tab, ...more })}`,
  comparison: (id: string, from: number, to: number) =>
    `/workflows/${encodeURIComponent(id)}?tab=compare&from=${from}&to=${to}`,
  templates: "/templates",
  template: (id: string) => `/templates/${encodeURIComponent(id)}`,
  runs: "/runs",
  /** With filters of Search, as the page Runs reads them. */
  runsWith: (filters: Readonly<Record<string, string>>) =>
    `/runs?${new URLSearchParams(filters).toString()}`,
  run: (id: string) => `/runs/${encodeURIComponent(id)}`,
  inbox: "/inbox",
  item: (id: string) => `/inbox/${encodeURIComponent(id)}`,
  system: "/system",
  /** Where an OIDC provider sends the browser back. */
  signedIn: "/signed-in",
} as const;

/** A part of an address as the id that it stands for; what is malformed stays as it is. */
export function decoded(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return part ?? "";
  }
}
