/** Definitions and versions by what a person types. Boundary: reads of the service. */
import type { WorkflowDefinition, WorkflowVersion } from "../../gen/workflows/v1/workflows_pb.ts";
import { nearest } from "../file/faults.ts";
import { CliFailure, EXIT, usageFault } from "./failure.ts";
import type { Service } from "./service.ts";

const PAGE = 500;
/** The service lists nothing beyond it. */
const LAST_OFFSET = 10_000;

/** The definition of an id or a name. Fails when there is none. */
export async function requireDefinition(
  service: Service,
  reference: string,
): Promise<WorkflowDefinition> {
  if (reference.startsWith("wf_")) {
    const { definition } = await service.workflows.getDefinition({ id: reference });
    if (definition !== undefined) return definition;
  }
  const names: string[] = [];
  for await (const definition of listDefinitions(service)) {
    if (definition.name === reference) return definition;
    names.push(definition.name);
  }
  const where =
    service.settings.workspace === "" ? "" : ` in workspace ${service.settings.workspace}`;
  throw new CliFailure(
    `there is no workflow "${reference}"${where}${nearest(reference, names)}`,
    EXIT.notFound,
  );
}

/** The definition of a name; undefined when there is none. */
export async function findDefinition(
  service: Service,
  name: string,
): Promise<WorkflowDefinition | undefined> {
  for await (const definition of listDefinitions(service)) {
    if (definition.name === name) return definition;
  }
  return undefined;
}

async function* listDefinitions({
  workflows,
  settings,
}: Service): AsyncGenerator<WorkflowDefinition> {
  for (let offset = 0; offset <= LAST_OFFSET; offset += PAGE) {
    const { definitions } = await workflows.listDefinitions({
      workspaceId: settings.workspace,
      limit: PAGE,
      offset,
    });
    yield* definitions;
    if (definitions.length < PAGE) return;
  }
  throw usageFault("the workspace has more than 10,000 workflows: use the id");
}

/** A version of a definition: the latest unless a number is given; undefined when there is none. */
export async function findVersion(
  { workflows }: Service,
  { id }: WorkflowDefinition,
  number?: number,
): Promise<WorkflowVersion | undefined> {
  const { versions } = await workflows.listVersions({ definitionId: id });
  if (number !== undefined) return versions.find(({ version }) => version === number);
  return versions.reduce<WorkflowVersion | undefined>(
    (latest, each) => (latest === undefined || each.version > latest.version ? each : latest),
    undefined,
  );
}

/** Like findVersion; fails when there is none, or when the answer has no room for its steps. */
export async function requireVersion(
  service: Service,
  definition: WorkflowDefinition,
  number?: number,
): Promise<WorkflowVersion> {
  const version = await findVersion(service, definition, number);
  if (version === undefined) {
    const which = number === undefined ? "no published version" : `no version ${number}`;
    throw new CliFailure(`workflow "${definition.name}" has ${which}`, EXIT.notFound);
  }
  if (version.steps.length === 0) {
    throw new CliFailure(
      `version ${version.version} of "${definition.name}" is too large to be listed with its steps`,
      EXIT.failed,
    );
  }
  return version;
}
