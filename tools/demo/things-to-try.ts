/**
 * Addresses of what runs, and commands to try against it.
 *
 * Boundary: texts only; each command can be pasted into a shell in the project's folder.
 */
import { DANA, WORKSPACE_ID } from "./sales-process.ts";

/** What runs, and what there is to ask for. */
export interface Running {
  readonly serviceUrl: string;
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly sandboxUrl: string;
  /** Empty when no run was started yet. */
  readonly runId: string;
}

/** Addresses and commands, a line each. */
export function listThingsToTry(running: Running): string[] {
  const { serviceUrl, natsUrl, databaseUrl, sandboxUrl, runId } = running;
  const workspace = `{"workspace_id": "${WORKSPACE_ID}"}`;
  return [
    "Addresses",
    `  console    ${serviceUrl}/console/?workspace=${WORKSPACE_ID}`,
    `  service    ${serviceUrl}  (gRPC, gRPC-Web, Connect; /readyz, /metrics)`,
    `  API        ${serviceUrl}/api/v1  (REST; /openapi.json)`,
    `  MCP        ${mcpUrlOf(running)}`,
    `  NATS       ${natsUrl}`,
    `  Postgres   ${databaseUrl}`,
    `  sandbox    ${sandboxUrl}`,
    "",
    "Things to try, from another terminal in this folder",
    `  export WORKFLOWS_SERVER=${serviceUrl} WORKFLOWS_WORKSPACE=${WORKSPACE_ID}`,
    "  # a new lead, by the bus",
    `  npx tsx tools/send-contact.ts --nats ${natsUrl} --email sam.lee@acme.example --company Acme`,
    "  # a run by hand, drawn until it ends",
    `  npx workflows start outbound-sales --input '${exampleInput()}' --watch`,
    "  # all runs; what waits for people; what is wrong",
    "  npx workflows runs",
    "  npx workflows inbox",
    "  npx workflows doctor",
    ...(runId === ""
      ? []
      : [
          "  # this run: its steps, its moves",
          `  npx workflows runs ${runId}`,
          `  npx workflows history ${runId}`,
        ]),
    "  # the same for an agent: the server of MCP, added to a client",
    `  claude mcp add --transport http workflows "${mcpUrlOf(running)}"`,
    "  # the workflow as a picture and as a file",
    "  npx workflows graph outbound-sales",
    "  npx workflows export outbound-sales",
    "  # steps done by code of your own",
    `  npm run example:worker -- --service ${serviceUrl} --nats ${natsUrl}`,
    "  # all runs, by any client of gRPC",
    `  npx buf curl --protocol grpc --http2-prior-knowledge -d '${workspace}' ${serviceUrl}/workflows.v1.WorkflowService/ListRuns`,
  ];
}

function mcpUrlOf({ serviceUrl }: Running): string {
  return `${serviceUrl}/mcp?workspace=${WORKSPACE_ID}`;
}

function exampleInput(): string {
  const snapshot = { email: DANA.email, firstname: DANA.firstName, company: DANA.company };
  return JSON.stringify({ snapshot });
}
