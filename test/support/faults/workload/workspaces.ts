/** The workspaces of every world; both have every definition. */
export const WORKSPACES = ["north", "south"] as const;
