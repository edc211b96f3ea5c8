/**
 * A worker of the queue `payments`, and one run that it works for: charge a card, then send a receipt.
 *
 *   npm run example:worker
 *
 * Where `npm run dev` uses other ports, it prints the command with both addresses.
 */
import { parseArgs } from "node:util";
import { createWorker, NonRetryable, RetryAfter } from "workflows/worker";

const { values } = parseArgs({
  options: {
    service: { type: "string", default: "http://127.0.0.1:8080" },
    nats: { type: "string", default: "nats://127.0.0.1:4222" },
  },
});
const WORKSPACE = "ws_example";

const worker = createWorker({
  servers: values.nats,
  workspace: WORKSPACE,
  queue: "payments",
  handlers: {
    async "charge-card"(input, ctx) {
      if (input.amount <= 0) throw new NonRetryable(`nothing to charge: ${input.amount}`);
      // The first attempt fails, to show the second.
      if (ctx.attempt === 1) throw new RetryAfter(500, "the bank is busy");
      ctx.log.info("charged", { amount: input.amount, key: ctx.idempotencyKey });
      ctx.cost(0.02);
      return { receipt: `r-${ctx.idempotencyKey}`, amount: input.amount };
    },
    "send-receipt": (input) => ({ sent: input.receipt }),
  },
});
const running = worker.run();
await worker.ready;

const { definition } = await call("CreateDefinition", { workspace_id: WORKSPACE, name: "Order" });
const step = (id) => ({
  id,
  name: id,
  step_type: "STEP_TYPE_AGENT_ACTION",
  action_type: id,
  config: { queue: "payments" },
});
await call("PublishVersion", {
  definition_id: definition.id,
  default_retry_policy: { max_retries: 2 },
  steps: [step("charge-card"), step("send-receipt")],
  edges: [{ from_step_id: "charge-card", to_step_id: "send-receipt" }],
});
const { run } = await call("StartRun", {
  definition_id: definition.id,
  workspace_id: WORKSPACE,
  input_payload: { amount: 40 },
});
for (let state = ""; !/COMPLETED|FAILED|CANCELLED/.test(state); ) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const found = await call("GetRun", { id: run.id });
  state = found.run.state;
  if (!/COMPLETED|FAILED|CANCELLED/.test(state)) continue;
  for (const { stepId, state: ended, agentId, outputPayload } of found.run.steps) {
    console.log(`${stepId.padEnd(14)} ${ended}  by ${agentId}  ${JSON.stringify(outputPayload)}`);
  }
  console.log(`run            ${state}`);
}
await worker.stop();
await running;

async function call(method, request) {
  const response = await fetch(`${values.service}/workflows.v1.WorkflowService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`${method}: ${body.message}`);
  return body;
}
