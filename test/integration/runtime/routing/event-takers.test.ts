/**
 * HandleTrigger names every run that took its event, also one whose wait opened just before and that found the event itself
 * among the kept ones.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import { createProcessor } from "../../../../src/runtime/processor.ts";
import { routeEvent } from "../../../../src/runtime/routing/route-event.ts";
import type { Database } from "../../../../src/store/database.ts";
import { encodeCall } from "../../../../src/wire/calls/requests.ts";
import { until } from "../../../support/assertions/until.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { findRunRows } from "../../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../../support/services/processor.ts";

const WAIT = versionOf([stepOf("on", { stepType: "WAIT_FOR_EVENT", eventTypePattern: "came.in" })]);

let at: TestProcessor;
beforeAll(async () => {
  at = await startProcessor();
});
afterAll(() => at?.stop());

/** The database, with something to wait for before each statement of a name. */
function databaseWith(before: Readonly<Record<string, () => Promise<unknown>>>): Database {
  const { read } = at.database;
  return {
    ...at.database,
    read: {
      ...read,
      async query(statement, values) {
        await before[statement.name]?.();
        return read.query(statement, values);
      },
    },
  };
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
  // The event is kept by then: the run reads it before routing reads which runs wait.
  const find_waits = async () => {
    readKept?.();
    await until(async () => {
      const found = await findRunRows(at.database.read, runId);
      return found?.run.state === "COMPLETED" ? true : undefined;
    });
  };
  const deps = { database: databaseWith({ find_waits }), processor, graphs, log: at.log };
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
