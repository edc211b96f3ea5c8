/** The services that this one calls. Boundary: the one list; the settings and the clients are read from it. */

/** The variable that gives a collaborator's URL is its name in capitals and `_URL`. */
export const COLLABORATORS = [
  "objectives",
  "agents",
  "registry",
  "approvals",
  "governance",
  "notifications",
  "meter",
  "prompts",
  "skills",
  "entities",
  "identity",
] as const;

/** One collaborator. */
export type CollaboratorName = (typeof COLLABORATORS)[number];
