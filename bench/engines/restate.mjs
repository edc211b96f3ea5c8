/**
 * Restate as an engine: its server with the settings it comes with, or with two partitions, and this process as the endpoint of the services and as
 * the caller. A step is a `ctx.run` of the endpoint, or, with `viaService`, a call of another service's handler, as a step
 * of a remote worker is.
 * Boundary: plain JavaScript, for its packages are there only when peers are measured.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { Agent, request } from "node:http";
import { createServer } from "node:http2";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findFreePort } from "../../tools/parts/free-port.ts";
import { nowMs } from "../parts/clock.ts";
import { FAN_STEPS, LINE_STEPS, NOTE } from "./words.ts";

// The SDK expects a later Node.
Promise.withResolvers ??= function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
const restate = await import("@restatedev/restate-sdk");

const POLL_MS = 50;
const ATTEMPTS = 600;
const STOP_MS = 10_000;
const HTTP_ERRORS = 300;
/** In place of the 24 that it comes with: what serves it best on two cores. */
const TWO_PARTITIONS = { RESTATE_DEFAULT_NUM_PARTITIONS: "2" };
/** A run waits once the promise that it waits for stands in its journal. */
const PARKED = `SELECT count(*) AS parked FROM sys_journal j JOIN sys_invocation i ON j.id = i.id
  WHERE i.target_service_name = 'park' AND i.target_handler_name = 'run'
    AND i.status <> 'completed' AND j.index = 1`;

const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });

/**
 * @param {import("./engine.ts").EngineStart} start
 * @param {"restate" | "restate-2" | "restate-svc"} name
 */
export async function startRestate({ guard, seen }, name) {
  const viaService = name === "restate-svc";
  const worker = restate.service({
    name: "worker",
    handlers: { step: async (_, { index, id }) => answer(index, id) },
  });
  const step = (ctx, index, id = "") =>
    viaService
      ? ctx.serviceClient(worker).step({ index, id })
      : ctx.run(`s${index}`, () => answer(index, id));
  const flow = restate.service({
    name: "flow",
    handlers: {
      async line(ctx) {
        for (let index = 0; index < LINE_STEPS; index += 1) await step(ctx, index);
      },
      async fan(ctx) {
        const steps = Array.from({ length: FAN_STEPS }, (_, index) => step(ctx, index));
        await restate.RestatePromise.all(steps);
      },
    },
  });
  const park = restate.workflow({
    name: "park",
    handlers: {
      async run(ctx) {
        await ctx.promise("go");
        await step(ctx, 0, ctx.key);
      },
      go: restate.handlers.workflow.shared(async (ctx) => {
        await ctx.promise("go").resolve("x");
      }),
    },
  });
  function answer(index, id) {
    if (id !== "") seen(id, nowMs());
    return { step: index, ok: true, note: NOTE };
  }
  const endpoint = createServer(
    restate.createEndpointHandler({ services: [worker, flow, park], logger: () => {} }),
  );
  endpoint.listen(0, "127.0.0.1");
  await once(endpoint, "listening");
  const server = await startServer(guard, name === "restate-2" ? TWO_PARTITIONS : {});
  const uri = `http://127.0.0.1:${endpoint.address().port}`;
  await attempt(() => post(server.admin, "/deployments", { uri, force: true }));
  await attempt(() => post(server.ingress, "/worker/step", { index: 0, id: "" }));
  let parking = 0;
  return {
    hostIs: "endpoint",
    processes: () => [{ name: "restate-server", pid: server.child.pid, withChildren: true }],
    // Its steps are functions of the endpoint, whoever does the steps of the others.
    run: (kind, id) => post(server.ingress, `/flow/${kind.replace("worker-", "")}`, id),
    async park(id) {
      await post(server.ingress, `/park/${id}/run/send`);
      parking += 1;
    },
    async parked() {
      await attempt(async () => {
        const { rows } = await post(server.admin, "/query", { query: PARKED });
        if (rows[0].parked < parking) throw new Error("not all runs wait yet");
      });
      parking = 0;
    },
    wake: (id) => post(server.ingress, `/park/${id}/go/send`),
    async close() {
      agent.destroy();
      endpoint.close();
      const late = setTimeout(() => server.child.kill("SIGKILL"), STOP_MS);
      const ended = once(server.child, "exit");
      server.child.kill("SIGTERM");
      await ended;
      clearTimeout(late);
    },
  };
}

async function startServer(guard, settings) {
  const [node, ingress, admin] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const folder = join(guard.folder, "restate");
  await mkdir(folder);
  const log = openSync(join(guard.folder, "restate.log"), "a");
  const child = spawn(findProgram(), ["--no-logo", "--base-dir", folder], {
    cwd: folder,
    stdio: ["ignore", log, log],
    detached: true,
    env: {
      PATH: process.env.PATH,
      RESTATE_DISABLE_TELEMETRY: "true",
      DO_NOT_TRACK: "1",
      RESTATE_ADMIN__DISABLE_WEB_UI: "true",
      RESTATE_LOG_FILTER: "warn",
      RESTATE_LISTEN_MODE: "tcp",
      RESTATE_BIND_IP: "127.0.0.1",
      RESTATE_ADVERTISED_HOST: "127.0.0.1",
      RESTATE_BIND_PORT: String(node),
      RESTATE_INGRESS__BIND_PORT: String(ingress),
      RESTATE_ADMIN__BIND_PORT: String(admin),
      ...settings,
    },
  });
  guard.watch(child, "KILL");
  return { child, ingress, admin };
}

/** The program itself: its wrapper would be one more process. */
function findProgram() {
  const require = createRequire(import.meta.url);
  const fromServer = createRequire(require.resolve("@restatedev/restate-server/package.json"));
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  return fromServer.resolve(`${name}/bin/restate-server`);
}

async function attempt(work) {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempts >= ATTEMPTS) throw error;
      await delay(POLL_MS);
    }
  }
}

function post(port, path, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const asked = request({ host: "127.0.0.1", port, path, method: "POST", agent, headers });
    asked.on("error", reject);
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode < HTTP_ERRORS) resolve(text === "" ? undefined : JSON.parse(text));
        else reject(new Error(`${path}: ${response.statusCode} ${text}`));
      });
    });
    asked.end(body === undefined ? "" : JSON.stringify(body));
  });
}
