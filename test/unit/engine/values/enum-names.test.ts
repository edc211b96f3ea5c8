/** Strings that hold enum names: every spelling in, the full name out. */
import type { DescEnum } from "@bufbuild/protobuf";
import { expect, it, test } from "vitest";
import { RiskLevelSchema } from "../../../../gen/approvals/v1/approvals_pb.ts";
import { EntityTypeSchema } from "../../../../gen/entities/v1/entities_pb.ts";
import { ActionDecisionSchema } from "../../../../gen/governance/v1/governance_pb.ts";
import { DeliveryChannelSchema } from "../../../../gen/notifications/v1/notifications_pb.ts";
import {
  channelName,
  decisionName,
  ENUM_WORDS,
  entityTypeName,
  findDecision,
  riskLevelName,
} from "../../../../src/engine/values/enum-names.ts";

const SCHEMAS: Readonly<Record<keyof typeof ENUM_WORDS, DescEnum>> = {
  ACTION_DECISION: ActionDecisionSchema,
  ENTITY_TYPE: EntityTypeSchema,
  RISK_LEVEL: RiskLevelSchema,
  DELIVERY_CHANNEL: DeliveryChannelSchema,
};

test.each(Object.entries(SCHEMAS))("%s has the names of the contract", (name, schema) => {
  const words = Object.entries(ENUM_WORDS).find(([known]) => known === name)?.[1];
  expect(words?.names.map((word) => words.prefix + word)).toEqual(
    schema.values.map((value) => value.name),
  );
});

it("takes every spelling in and gives the full name out", () => {
  for (const text of ["deal", "Deal", "DEAL", " deal ", "entity_type_deal", "ENTITY_TYPE_DEAL"]) {
    expect(entityTypeName(text)).toBe("ENTITY_TYPE_DEAL");
  }
  expect(decisionName("require-approval")).toBe("ACTION_DECISION_REQUIRE_APPROVAL");
  expect(riskLevelName("critical")).toBe("RISK_LEVEL_CRITICAL");
  expect(channelName("slack")).toBe(channelName("DELIVERY_CHANNEL_SLACK"));
  expect(findDecision("Action_Decision_Deny")).toBe("DENY");
});

it("leaves unknown names, and an empty one, as they are", () => {
  for (const text of ["message", "Message", "", "ENTITY_TYPE_BOAT", "deals"]) {
    expect(entityTypeName(text)).toBe(text);
  }
  expect(findDecision("maybe")).toBeUndefined();
});
