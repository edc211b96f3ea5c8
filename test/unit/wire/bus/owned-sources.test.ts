import { expect, it } from "vitest";
import { COLLABORATORS } from "../../../../src/collaborators/names.ts";
import { ownerOfSource } from "../../../../src/wire/bus/owned-sources.ts";
import { REPORTING_ROLES } from "../../../../src/wire/bus/reports.ts";

it("owns the source of each collaborator and of each role that reports", () => {
  const names = [...COLLABORATORS, ...REPORTING_ROLES, "workflows", "siphon", "tap"];
  expect(names.map(ownerOfSource)).toEqual(names);
});

it.each(["Siphon", "siphon/eu", "//siphon.tap", "siphon:tap", " siphon", "siphon-1"])(
  "%s is not for callers",
  (source) => expect(ownerOfSource(source)).toBe("siphon"),
);

it.each(["", "workflows.ops", "shop", "workflowsx", "shop/siphon"])("%s is for callers", (source) =>
  expect(ownerOfSource(source)).toBeUndefined(),
);
