/** Templates that are installed and started. Boundary: calls of the API alone. */
import type { JsonObject } from "@bufbuild/protobuf";
import { expect } from "vitest";
import type { Stage } from "./stage.ts";

/** Installs a template and starts it with the input of its first scenario; gives the text of its workflow. */
export async function installed(
  { client, workspaceId }: Stage,
  templateId: string,
  parameters: JsonObject = {},
): Promise<string> {
  const { template } = await client.templates.get({ id: templateId });
  const made = await client.templates.install({ workspaceId, templateId, parameters });
  const definitionId = made.definition?.id ?? "";
  expect(made).toMatchObject({ definition: { name: templateId }, version: { version: 1 } });
  const [scenario] = template?.scenarios ?? [];
  const input = scenario?.input ?? {};
  const { run } = await client.workflows.startRun({ definitionId, inputPayload: input });
  const started = await client.workflows.getRun({ id: run?.id ?? "" });
  const ids = started.run?.steps.map(({ stepId }) => stepId) ?? [];
  expect(scenario?.path.length).toBeGreaterThan(0);
  expect(ids).toEqual(expect.arrayContaining(scenario?.path ?? []));
  const { simulation } = await client.runs.simulate({ definitionId, input });
  expect(simulation?.path[0]?.stepId).toBe(scenario?.path[0]);
  return made.sourceText;
}
