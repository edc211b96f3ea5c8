/**
 * Words that authors may write in more than one way, as their one name.
 * Boundary: the names of approvals.v1.RiskLevel and notifications.v1.Priority without their prefix, any case.
 */

import { shortName } from "../values/enum-names.ts";

/** Risk levels, lowest first (approvals.v1.RiskLevel 1..4). */
export const RISK_LEVELS = ["LOW", "MEDIUM", "HIGH", "CRITICAL"] as const;
/** How risky an action is. */
export type RiskLevel = (typeof RISK_LEVELS)[number];

/** Priorities of a notification, lowest first (notifications.v1.Priority 1..4). */
export const PRIORITIES = ["LOW", "NORMAL", "HIGH", "URGENT"] as const;
/** How urgent a notification is. */
export type Priority = (typeof PRIORITIES)[number];

/** The risk level that `HIGH`, `high` or `RISK_LEVEL_HIGH` means; unset means LOW; undefined for other words. */
export function riskLevelOf(text: string): RiskLevel | undefined {
  const name = shortName(text, "RISK_LEVEL_");
  if (name === "" || name === "UNSPECIFIED") return "LOW";
  return RISK_LEVELS.find((level) => level === name);
}

/** The priority that `urgent`, `URGENT` or `PRIORITY_URGENT` means; unset means NORMAL; undefined for other words. */
export function priorityOf(text: string): Priority | undefined {
  const name = shortName(text, "PRIORITY_");
  if (name === "" || name === "UNSPECIFIED") return "NORMAL";
  return PRIORITIES.find((priority) => priority === name);
}
