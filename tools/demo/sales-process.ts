/**
 * The outbound sales process of an SDR team: its definition, and the event that starts a run.
 *
 * Boundary: talks to the service by RPC, to the rest of the platform by the bus.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  PublishVersionRequestSchema,
  type PublishVersionResponse,
  type StepDefinition,
  type WorkflowService,
  type WorkflowVersion,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { TapEvent } from "../../src/sandbox/tap.ts";
import { projectRoot } from "../run-command.ts";

/** The workspace that demo and development play in. */
export const WORKSPACE_ID = "ws_demo";

/** The step that workers do where they are asked to, and their queue. */
export const RESEARCH_STEP = "research-company";
export const RESEARCH_QUEUE = "research";

const NAME = "outbound-sales";
const FILE = join(projectRoot, "testdata", "processes", "outbound-sales.json");

/** A person and the company they work for. */
export interface Contact {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly company: string;
}

/** The lead of the story. */
export const DANA: Contact = {
  email: "dana.reyes@northwind.example",
  firstName: "Dana",
  lastName: "Reyes",
  company: "Northwind Robotics",
};

/**
 * Creates the definition and publishes its first version, with the research as a task of workers or of an agent. Rejects with
 * all that the service finds wrong.
 */
export async function publishSalesProcess(
  client: Client<typeof WorkflowService>,
  isForWorkers = false,
): Promise<WorkflowVersion> {
  const { version } = await publishSalesVersion(client, isForWorkers);
  if (version === undefined) throw new Error("PublishVersion answered without a version");
  return version;
}

/** As publishSalesProcess, with the whole answer. */
export async function publishSalesVersion(
  client: Client<typeof WorkflowService>,
  isForWorkers = false,
): Promise<PublishVersionResponse> {
  const content = fromJsonString(PublishVersionRequestSchema, await readFile(FILE, "utf8"));
  const { definition } = await client.createDefinition({
    workspaceId: WORKSPACE_ID,
    name: NAME,
    description: "From a new contact to the answer to the first mail.",
    tags: ["sales"],
  });
  const steps = isForWorkers ? content.steps.map(forWorkers) : content.steps;
  return client.publishVersion({ ...content, steps, definitionId: definition?.id ?? "" });
}

function forWorkers(step: StepDefinition): StepDefinition {
  if (step.id !== RESEARCH_STEP) return step;
  const config = { ...step.config, queue: RESEARCH_QUEUE };
  return { ...step, requiredCapability: "", actionType: RESEARCH_STEP, config };
}

/** The event that HubSpot has a new contact, who is a lead. */
export function contactCreated(contact: Contact, workspaceId: string): TapEvent {
  return {
    workspaceId,
    provider: "hubspot",
    entityType: "contact",
    entityId: `contact_${contact.email}`,
    action: "created",
    snapshot: {
      email: contact.email,
      firstname: contact.firstName,
      lastname: contact.lastName,
      company: contact.company,
      lifecyclestage: "lead",
    },
  };
}
