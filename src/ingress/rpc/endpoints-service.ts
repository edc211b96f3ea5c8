/** workflows.ops.v1.Endpoints, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { ServiceImpl } from "@connectrpc/connect";
import { Endpoints } from "../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { doneOnce, workspaceOfDefinition } from "./done-once.ts";
import {
  answerCreateEndpoint,
  answerDeleteEndpoint,
  answerRotateEndpoint,
  listEndpointsWith,
  readEndpoint,
  workspaceOfEndpoint,
} from "./endpoints.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";

const { method } = Endpoints;

/** Endpoints, over the service's parts. */
export function endpointsService(parts: ServiceParts): ServiceImpl<typeof Endpoints> {
  return {
    create: doneOnce(parts, method.create, {
      workspaceOf: workspaceOfDefinition,
      answer: answerCreateEndpoint,
      answerAgain: (deps, _, id) => readEndpoint(deps, id),
      isShownOnce: true,
    }),
    rotate: doneOnce(parts, method.rotate, {
      workspaceOf: workspaceOfEndpoint,
      answer: answerRotateEndpoint,
      answerAgain: (deps, _, id) => readEndpoint(deps, id),
      isShownOnce: true,
    }),
    list: reading(parts, listEndpointsWith(parts.endpoints)),
    delete: doneOnce(parts, method.delete, {
      workspaceOf: workspaceOfEndpoint,
      answer: answerDeleteEndpoint,
      answerAgain: async () => ({}),
    }),
  };
}
