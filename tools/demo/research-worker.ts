/**
 * A worker of `npm run demo -- --worker`: does the step `research-company` in place of the sandbox's agent.
 * Boundary: a process of its own, which reads NATS_URL and WORKER_ID; what it does is a line of JSON each on standard error.
 */
import { setTimeout as delay } from "node:timers/promises";
import { RESEARCH_COST_USD, RESEARCH_MS, researchOf } from "../../src/sandbox/scripts/sales.ts";
import { createWorker } from "../../src/worker/index.ts";
import { RESEARCH_QUEUE, RESEARCH_STEP, WORKSPACE_ID } from "./sales-process.ts";

const { NATS_URL: servers = "", WORKER_ID: id = "" } = process.env;

await createWorker({
  ...{ servers, id, workspace: WORKSPACE_ID, queue: RESEARCH_QUEUE },
  handlers: {
    async [RESEARCH_STEP]({ company }, ctx) {
      ctx.log.info("began", { key: ctx.idempotencyKey });
      await delay(RESEARCH_MS, undefined, { signal: ctx.signal });
      ctx.cost(RESEARCH_COST_USD);
      ctx.log.info("completed", { costUsd: RESEARCH_COST_USD });
      return researchOf(company);
    },
  },
}).run();
