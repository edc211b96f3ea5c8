/**
 * Strings of the contract that hold the name of another package's enum value (contract/wire.md, last section).
 * Boundary: pure text. Accepts every spelling and returns the full name; a word that the enum does not have stays as it
 * is.
 */

/** An enum: the prefix of its values and their names without it. */
interface EnumWords {
  readonly prefix: string;
  readonly names: readonly string[];
}

/** Names of governance.v1.ActionDecision. */
const ACTION_DECISION: EnumWords = {
  prefix: "ACTION_DECISION_",
  names: ["UNSPECIFIED", "ALLOW", "DENY", "REQUIRE_APPROVAL"],
};
/** Names of entities.v1.EntityType. */
const ENTITY_TYPE: EnumWords = {
  prefix: "ENTITY_TYPE_",
  names: ["UNSPECIFIED", "CONTACT", "COMPANY", "DEAL", "TICKET", "CUSTOMER", "OPPORTUNITY"],
};
/** Names of approvals.v1.RiskLevel, which are those of governance.v1.RiskLevel. */
const RISK_LEVEL: EnumWords = {
  prefix: "RISK_LEVEL_",
  names: ["UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "CRITICAL"],
};
/** Names of notifications.v1.DeliveryChannel. */
const DELIVERY_CHANNEL: EnumWords = {
  prefix: "DELIVERY_CHANNEL_",
  names: ["UNSPECIFIED", "SLACK", "EMAIL", "WEBHOOK", "IN_APP"],
};

/** No word of an enum is as long, whatever its prefix. */
const MAX_WORD_CHARS = 64;

/** All of them, for the test that holds them equal to the generated enums. */
export const ENUM_WORDS = { ACTION_DECISION, ENTITY_TYPE, RISK_LEVEL, DELIVERY_CHANNEL } as const;

/** `allow`, `ALLOW` and `action_decision_allow` give `ACTION_DECISION_ALLOW`. */
export function decisionName(text: string): string {
  return fullName(ACTION_DECISION, text);
}

/** `deal`, `Deal` and `ENTITY_TYPE_DEAL` give `ENTITY_TYPE_DEAL`. */
export function entityTypeName(text: string): string {
  return fullName(ENTITY_TYPE, text);
}

/** `high` and `RISK_LEVEL_HIGH` give `RISK_LEVEL_HIGH`. */
export function riskLevelName(text: string): string {
  return fullName(RISK_LEVEL, text);
}

/** `in-app` and `DELIVERY_CHANNEL_IN_APP` give `DELIVERY_CHANNEL_IN_APP`. */
export function channelName(text: string): string {
  return fullName(DELIVERY_CHANNEL, text);
}

/** The decision without its prefix; undefined for an unknown word. */
export function findDecision(text: string): string | undefined {
  const name = shortName(text, ACTION_DECISION.prefix);
  return ACTION_DECISION.names.find((known) => known === name);
}

/** `in-app`, `IN_APP` and `DELIVERY_CHANNEL_IN_APP` all give `IN_APP`. A text too long for a word stays as it is. */
export function shortName(text: string, prefix: string): string {
  const word = text.trim();
  if (word.length > MAX_WORD_CHARS) return word;
  const upper = word.toUpperCase().replace(/[\s-]/g, "_");
  return upper.startsWith(prefix) ? upper.slice(prefix.length) : upper;
}

function fullName({ prefix, names }: EnumWords, text: string): string {
  if (text === "") return text;
  const name = shortName(text, prefix);
  return names.includes(name) ? prefix + name : text;
}
