/**
 * HandleTrigger names every run that took its event, also one whose wait opened just before and that found the event itself
 * among the kept ones.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import { createProcessor } from "../../../../src/runtime/processor.ts";
import { routeEvent } from "../../../../src/runtime/routing/route-event.ts";
import type { Database, Queries } from "../../../../src/store/database.ts";
import { encodeCall } from "../../../../src/wire/calls/requests.ts";
import { until } from "../../../support/assertions/until.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { findRunRows } from "../../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

/** Its wait opens when its task is done. */
const WAIT = versionOf(
  [
    stepOf("task", { stepType: "HUMAN_TASK", name: "task" }),
    stepOf("on", { stepType: "WAIT_FOR_EVENT", eventTypePattern: "came.in" }),
  ],
  ["task -> on"],
);

let at: TestProcessor;
beforeAll(async () => {
  at = await startProcessor();
});
afterAll(() => at?.stop());

/** The database, with something to wait for before each statement of a name. */
function databaseWith(before: Readonly<Record<string, () => Promise<unknown>>>): Database {
  const { read, write } = at.database;
  const held = (queries: Queries): Queries => ({
    ...queries,
    async query(statement, values) {
      await before[statement.name]?.();
      return queries.query(statement, values);
    },
  });
  return { ...at.database, read: held(read), write: held(write) };
}

it("names a run that found the event by itself, once", async () => {
  let readKept: (() => void) | undefined;
  const mayReadKept = new Promise<void>((resolve) => {
    readKept = resolve;
  });
  const graphs = createGraphCache(at.database);
  const processor = createProcessor({
    database: databaseWith({ find_kept_events: () => mayReadKept }),
    ...{ graphs, encodeCall, replicaId: "replica-b", log: at.log },
    lookups: { choose: () => undefined },
    onCommitted() {},
  });
  const version = await publish(at.database, "waits", WAIT);
  const start = startOf(version);
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const { runId } = await processor.submit({ kind: "start", start, cause });
  // Routing has found no wait by then.
  let isOpen = false;
  const keep_events = async () => {
    const input = transitioned("task", "COMPLETED");
    await processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
    isOpen = true;
  };
  // The event is kept by then: the run reads it before routing reads again which runs wait.
  const find_waits = async () => {
    if (!isOpen) return;
    readKept?.();
    await until(async () => {
      const found = await findRunRows(at.database.read, runId);
      return found?.run.state === "COMPLETED" ? true : undefined;
    });
  };
  const database = databaseWith({ find_waits, keep_events });
  const deps = { database, processor, graphs, log: at.log };
  const event = {
    ...{ workspaceId: WORKSPACE, id: "event-1", source: "crm", type: "came.in", subject: "" },
    ...{ time: "", data: {}, actorAgentId: "", hops: 0 },
  };
  try {
    expect(await routeEvent(deps, event)).toMatchObject({ ok: true, updatedRunIds: [runId] });
    expect(await routeEvent(deps, event)).toMatchObject({ ok: true, updatedRunIds: [] });
  } finally {
    await processor.stop();
  }
});
