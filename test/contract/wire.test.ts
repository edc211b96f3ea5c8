/**
 * proto/ and the code that is generated from it agree with the table of names, numbers and types in
 * testdata/contract/wire.json, which other services hold us to.
 *
 * workflows.v1 is ours and must be equal to the table; of the packages that we only call, what the
 * table lists must be there.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  createRegistry,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescService,
  fromBinary,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { file_agents_v1_agents } from "../../gen/agents/v1/agents_pb.ts";
import { file_approvals_v1_approvals } from "../../gen/approvals/v1/approvals_pb.ts";
import { file_entities_v1_entities } from "../../gen/entities/v1/entities_pb.ts";
import { file_events_v1_change } from "../../gen/events/v1/change_pb.ts";
import { file_events_v1_cloudevent } from "../../gen/events/v1/cloudevent_pb.ts";
import { file_governance_v1_governance } from "../../gen/governance/v1/governance_pb.ts";
import { file_identity_v1_organizations } from "../../gen/identity/v1/organizations_pb.ts";
import { file_identity_v1_tokens } from "../../gen/identity/v1/tokens_pb.ts";
import { file_meter_v1_meter } from "../../gen/meter/v1/meter_pb.ts";
import { file_notifications_v1_notifications } from "../../gen/notifications/v1/notifications_pb.ts";
import { file_objectives_v1_objectives } from "../../gen/objectives/v1/objectives_pb.ts";
import { file_prompts_v1_prompts } from "../../gen/prompts/v1/prompts_pb.ts";
import { file_registry_v1_registry } from "../../gen/registry/v1/registry_pb.ts";
import { file_skills_v1_skills } from "../../gen/skills/v1/skills_pb.ts";
import { file_tap_v1_event } from "../../gen/tap/v1/event_pb.ts";
import { file_workflows_ops_v1_runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { file_workflows_v1_workflows } from "../../gen/workflows/v1/workflows_pb.ts";

/** Message → field → [number, type]. */
type MessageTable = Record<string, Record<string, [number, string]>>;
/** Enum → value → number. */
type EnumTable = Record<string, Record<string, number>>;
/** Service → method → [request, response]. */
type ServiceTable = Record<string, Record<string, [string, string]>>;

const root = new URL("../../", import.meta.url);

const table: { messages: MessageTable; enums: EnumTable; services: ServiceTable } = JSON.parse(
  readFileSync(new URL("testdata/contract/wire.json", root), "utf8"),
);

const generated = createRegistry(
  file_agents_v1_agents,
  file_approvals_v1_approvals,
  file_entities_v1_entities,
  file_events_v1_change,
  file_events_v1_cloudevent,
  file_governance_v1_governance,
  file_identity_v1_organizations,
  file_identity_v1_tokens,
  file_meter_v1_meter,
  file_notifications_v1_notifications,
  file_objectives_v1_objectives,
  file_prompts_v1_prompts,
  file_registry_v1_registry,
  file_skills_v1_skills,
  file_tap_v1_event,
  file_workflows_ops_v1_runs,
  file_workflows_v1_workflows,
);

/** What the .proto files say now: gen/ is what they said when it was generated. */
function compileProto(): Registry {
  const buf = fileURLToPath(new URL("node_modules/.bin/buf", root));
  const image = execFileSync(buf, ["build", "-o", "-#format=binpb"], { cwd: root });
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
}

const SOURCES: [folder: string, contract: Registry][] = [
  ["gen", generated],
  ["proto", compileProto()],
];

const OURS = "workflows.v1.";

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

/** The type of a list's item or a map's value. */
function elementType(field: DescField & { fieldKind: "list" | "map" }): string {
  if (field.message) return field.message.typeName;
  if (field.enum) return field.enum.typeName;
  return scalarName(field.scalar);
}

/** A field's type as a .proto file spells it, with full names. */
function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalarName(field.scalar);
    case "enum":
      return field.enum.typeName;
    case "message":
      return field.message.typeName;
    case "list":
      return `repeated ${elementType(field)}`;
    case "map":
      return `map<${scalarName(field.mapKey)}, ${elementType(field)}>`;
  }
}

function fieldsOf(message: DescMessage): MessageTable[string] {
  return Object.fromEntries(
    message.fields.map((field) => [field.name, [field.number, typeOf(field)]]),
  );
}

function valuesOf(desc: DescEnum): EnumTable[string] {
  return Object.fromEntries(desc.values.map(({ name, number }) => [name, number]));
}

function methodsOf(service: DescService): ServiceTable[string] {
  return Object.fromEntries(
    service.methods.map(({ name, input, output, methodKind }) => {
      expect(methodKind, `${service.typeName}.${name}`).toBe("unary");
      return [name, [input.typeName, output.typeName]];
    }),
  );
}

/** What the registry holds under a name, as the table would say it; undefined if nothing. */
function actualOf(registry: Registry, name: string): Record<string, unknown> | undefined {
  const message = registry.getMessage(name);
  if (message) return fieldsOf(message);
  const desc = registry.getEnum(name);
  if (desc) return valuesOf(desc);
  const service = registry.getService(name);
  return service && methodsOf(service);
}

const rows = Object.entries({ ...table.messages, ...table.enums, ...table.services });

describe.each(SOURCES)("the contract in %s/", (_folder, contract) => {
  test.each(rows.filter(([name]) => name.startsWith(OURS)))("has exactly %s", (name, expected) => {
    expect(actualOf(contract, name)).toEqual(expected);
  });

  test.each(rows.filter(([name]) => !name.startsWith(OURS)))("has %s", (name, expected) => {
    expect(actualOf(contract, name)).toMatchObject(expected);
  });

  test("marks our reads, and no write, as free of side effects", () => {
    const services = ["workflows.v1.WorkflowService", "workflows.ops.v1.Runs"];
    const methods = services.flatMap((name) => contract.getService(name)?.methods ?? []);
    const reads = methods
      .filter(({ idempotency }) => idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS)
      .map(({ name }) => name);
    expect(reads).toEqual(
      methods
        .map(({ name }) => name)
        .filter((name) => /^(Get|List|Search|Explain|Watch|Preview|Plan|Tail|Simulate)/.test(name)),
    );
    expect(reads).toHaveLength(19);
  });

  test("does not let a token be introspected by GET, which would put it into a URL", () => {
    const introspect = contract.getService("identity.v1.TokenService")?.method.introspect;
    expect(introspect?.idempotency).not.toBe(MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS);
  });

  test("has nothing in workflows.v1 that the table lacks", () => {
    const names = [...contract].map(({ typeName }) => typeName).filter((n) => n.startsWith(OURS));
    const listed = rows.map(([name]) => name).filter((name) => name.startsWith(OURS));
    expect(names.sort()).toEqual(listed.sort());
  });
});
