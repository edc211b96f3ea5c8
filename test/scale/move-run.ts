/** A run that is started by an event and ended by a report, with the real processor: the statements of its batches. */

import { createLog } from "../../src/process/log.ts";
import { createDefinition, publishVersion } from "../../src/runtime/definitions.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { createProcessor } from "../../src/runtime/processor.ts";
import type { Database } from "../../src/store/database.ts";
import { encodeCall } from "../../src/wire/calls/requests.ts";
import { transitioned } from "../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { startOf } from "../support/services/processor.ts";
import { BIG } from "./rows.ts";

const CAUSE = { kind: "rpc", id: "test" } as const;

/** Publishes a version, starts a run of it and ends it. */
export async function moveRun(database: Database): Promise<void> {
  const processor = createProcessor({
    database,
    graphs: createGraphCache(database),
    lookups: { choose: () => undefined },
    encodeCall,
    replicaId: "replica-a",
    log: createLog({ level: "error", format: "pretty" }),
    onCommitted() {},
  });
  const task = versionOf([stepOf("task", { stepType: "HUMAN_TASK", name: "task" })]);
  const made = { workspaceId: BIG, name: "moved", description: "", tags: [] };
  const definition = await createDefinition({ database }, made);
  const { version } = await publishVersion(
    { database },
    { definitionId: definition.id, spec: task },
  );
  const start = startOf(version, { workspaceId: BIG, triggerEventId: "new", triggerSource: "s" });
  const { runId } = await processor.submit({ kind: "start", start, cause: CAUSE });
  const input = transitioned("task", "COMPLETED");
  await processor.submit({ kind: "input", runId, workspaceId: "", input });
  await processor.stop();
}
