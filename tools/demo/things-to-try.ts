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
  readonly definitionId: string;
  /** Empty when no run was started yet. */
  readonly runId: string;
}

/** Addresses and commands, a line each. */
export function listThingsToTry(running: Running): string[] {
  const { serviceUrl, natsUrl, databaseUrl, sandboxUrl, definitionId, runId } = running;
  const workspace = `{"workspace_id": "${WORKSPACE_ID}"}`;
  return [
    "Addresses",
    `  service    ${serviceUrl}  (gRPC, gRPC-Web, Connect; /readyz, /metrics)`,
    `  NATS       ${natsUrl}`,
    `  Postgres   ${databaseUrl}`,
    `  sandbox    ${sandboxUrl}`,
    "",
    "Things to try",
    "  # a new lead, by the bus",
    `  npx tsx tools/send-contact.ts --nats ${natsUrl} --email sam.lee@acme.example --company Acme`,
    "  # steps done by code of your own",
    `  npm run example:worker -- --service ${serviceUrl} --nats ${natsUrl}`,
    "  # a run by hand",
    `  ${bufCurl(serviceUrl, "StartRun", startRequest(definitionId))}`,
    "  # all runs",
    `  ${bufCurl(serviceUrl, "ListRuns", workspace)}`,
    ...(runId === ""
      ? []
      : ["  # this run", `  ${bufCurl(serviceUrl, "GetRun", `{"id": "${runId}"}`)}`]),
    "  # all runs, with curl",
    `  curl -s -H 'content-type: application/json' -d '${workspace}' ${serviceUrl}/workflows.v1.WorkflowService/ListRuns`,
    "  # all runs, with grpcurl",
    `  grpcurl -plaintext -d '${workspace}' ${serviceUrl.replace("http://", "")} workflows.v1.WorkflowService/ListRuns`,
  ];
}

function bufCurl(serviceUrl: string, method: string, request: string): string {
  const flags = "--protocol grpc --http2-prior-knowledge";
  return `npx buf curl ${flags} -d '${request}' ${serviceUrl}/workflows.v1.WorkflowService/${method}`;
}

function startRequest(definitionId: string): string {
  const snapshot = { email: DANA.email, firstname: DANA.firstName, company: DANA.company };
  return JSON.stringify({ definition_id: definitionId, input_payload: { snapshot } });
}
