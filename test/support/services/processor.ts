/**
 * A processor on a fresh database, with everything it commits collected.
 * Boundary: the real store and engine; calls are collected and not performed.
 */

import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import { createLog, type Log } from "../../../src/process/log.ts";
import { createDefinition, publishVersion } from "../../../src/runtime/definitions.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import {
  type Committed,
  createProcessor,
  type LeasedCall,
  type Processor,
  type RunStart,
} from "../../../src/runtime/processor.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { freshDatabase } from "../servers/database.ts";

/** A processor at work. */
export interface TestProcessor {
  readonly url: string;
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
  readonly calls: LeasedCall[];
  readonly batches: Committed["batches"][number][];
  stop(): Promise<void>;
}

/** Workspace of what these tests make. */
export const WORKSPACE = "ws_test";

/** Starts a processor on a database of its own; `reach` may put something between the two. */
export async function startProcessor(
  laneLimit?: number,
  reach: (url: string) => Promise<string> = async (url) => url,
  log = createLog({ level: "error", format: "pretty" }),
): Promise<TestProcessor> {
  const { url, drop } = await freshDatabase();
  const at = openProcessor(await reach(url), log, laneLimit);
  const stop = async () => {
    await at.stop();
    await drop();
  };
  return { ...at, url, stop };
}

/** Starts a processor on a database that stays when it stops. */
export function openProcessor(
  url: string,
  log = createLog({ level: "error", format: "pretty" }),
  laneLimit?: number,
): TestProcessor {
  const database = openDatabase({ url, log });
  const calls: LeasedCall[] = [];
  const batches: Committed["batches"][number][] = [];
  const processor = createProcessor({
    database,
    graphs: createGraphCache(database),
    lookups: { choose: () => undefined },
    encodeCall,
    replicaId: "replica-a",
    log,
    ...(laneLimit === undefined ? {} : { laneLimit }),
    onCommitted(committed) {
      calls.push(...committed.calls);
      batches.push(...committed.batches);
    },
  });
  return {
    url,
    database,
    processor,
    log,
    calls,
    batches,
    async stop() {
      await processor.stop();
      await database.close();
    },
  };
}

/** Makes a definition with one version. */
export async function publish(
  database: Database,
  name: string,
  spec: VersionSpec,
): Promise<VersionRow> {
  const made = { workspaceId: WORKSPACE, name, description: "", tags: [] };
  const { id } = await createDefinition({ database }, made);
  const { version } = await publishVersion({ database }, { definitionId: id, spec });
  return version;
}

/** A start of a version as StartRun makes it. */
export function startOf(
  version: Pick<VersionRow, "definitionId" | "id" | "version">,
  more: Partial<RunStart> = {},
): RunStart {
  return {
    definitionId: version.definitionId,
    versionId: version.id,
    definitionVersion: version.version,
    workspaceId: WORKSPACE,
    triggerType: "MANUAL",
    triggerEventId: "",
    triggerSource: "",
    initiatorAgentId: "",
    initiatorUserId: "",
    parentRunId: "",
    entityId: "",
    entityType: "",
    hops: 0,
    input: { amount: 1 },
    ...more,
  };
}
