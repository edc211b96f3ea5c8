/** workflows.ops.v1.System, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { System } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";
import { doctorWith } from "./system/doctor.ts";
import { answerWhoAmI, getSystemWith } from "./system/info.ts";
import { listQueuesWith, listWorkersWith } from "./system/queues.ts";

/** System, over the service's parts. */
export function systemService(parts: ServiceParts): ServiceImpl<typeof System> {
  const { replica } = parts;
  return {
    get: reading(parts, getSystemWith(replica)),
    whoAmI: reading(parts, answerWhoAmI),
    listQueues: reading(parts, listQueuesWith(replica)),
    listWorkers: reading(parts, listWorkersWith(replica)),
    doctor: reading(parts, doctorWith(parts)),
  };
}
