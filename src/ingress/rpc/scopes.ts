/**
 * Which scope each RPC needs.
 * Boundary: a table; who has which scope is runtime/callers.ts. An RPC without a line here does not compile.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { WorkflowService } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Scope } from "../../runtime/callers.ts";

type Rpc = keyof typeof WorkflowService.method;

const NEEDED: Readonly<Record<Rpc, Scope>> = {
  createDefinition: "workflows:author",
  getDefinition: "workflows:read",
  listDefinitions: "workflows:read",
  publishVersion: "workflows:author",
  listVersions: "workflows:read",
  startRun: "workflows:run",
  handleTrigger: "workflows:run",
  getRun: "workflows:read",
  listRuns: "workflows:read",
  // Gates and governance checks need more (steps.ts).
  transitionStep: "workflows:transition",
  pauseRun: "workflows:run",
  resumeRun: "workflows:run",
  cancelRun: "workflows:run",
  compensateRun: "workflows:run",
};

/** The scope that a caller of this RPC needs; undefined for an RPC of another service. */
export function scopeOf(method: DescMethod): Scope | undefined {
  const { parent, localName } = method;
  return parent === WorkflowService && isRpc(localName) ? NEEDED[localName] : undefined;
}

function isRpc(localName: string): localName is Rpc {
  return Object.hasOwn(NEEDED, localName);
}
