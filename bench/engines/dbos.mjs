/**
 * DBOS as an engine: a library in the host's process, its state in Postgres. Runs are started directly, which is its
 * quickest way; steps are functions of this process.
 * Boundary: plain JavaScript, for its package is there only when peers are measured.
 */
import { setTimeout as delay } from "node:timers/promises";
import { DBOS } from "@dbos-inc/dbos-sdk";
import pg from "pg";
import { nowMs } from "../parts/clock.ts";
import { FAN_STEPS, LINE_STEPS, NOTE } from "./words.ts";

const POLL_MS = 50;
const CONNECTIONS = 20;
const DAY_SECONDS = 86_400;
/** A run waits once the deadline of its wait is an operation of its own. */
const PARKED = `select count(distinct o.workflow_uuid)::int as parked
  from dbos.operation_outputs o join dbos.workflow_status s using (workflow_uuid)
  where s.name = 'park' and s.status = 'PENDING'`;

/** @param {import("./engine.ts").EngineStart} start */
export async function startDbos({ databaseUrl, seen }) {
  const step = (index) =>
    DBOS.runStep(async () => ({ step: index, ok: true, note: NOTE }), { name: `s${index}` });
  const line = DBOS.registerWorkflow(
    async () => {
      for (let index = 0; index < LINE_STEPS; index += 1) await step(index);
    },
    { name: "line" },
  );
  const fan = DBOS.registerWorkflow(
    async () => {
      await Promise.all(Array.from({ length: FAN_STEPS }, (_, index) => step(index)));
    },
    { name: "fan" },
  );
  const park = DBOS.registerWorkflow(
    async (id) => {
      await DBOS.recv("go", DAY_SECONDS);
      await DBOS.runStep(async () => seen(id, nowMs()), { name: "after" });
    },
    { name: "park" },
  );
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: databaseUrl,
    systemDatabasePoolSize: CONNECTIONS,
    logLevel: "error",
    applicationVersion: "1",
    executorID: "bench",
  });
  await DBOS.launch();
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  // Its steps are functions of this process, whoever does the steps of the others.
  const flows = { line, fan, "worker-line": line, "worker-fan": fan };
  let parking = 0;
  return {
    hostIs: "engine",
    processes: () => [],
    async run(kind, id) {
      const run = await DBOS.startWorkflow(flows[kind], { workflowID: id })(id);
      await run.getResult();
    },
    async park(id) {
      await DBOS.startWorkflow(park, { workflowID: id })(id);
      parking += 1;
    },
    async parked() {
      for (;;) {
        const { rows } = await database.query(PARKED);
        if (rows[0].parked >= parking) break;
        await delay(POLL_MS);
      }
      parking = 0;
    },
    wake: (id) => DBOS.send(id, "x", "go"),
    async close() {
      await database.end();
      await DBOS.shutdown();
    },
  };
}
