/** The bare echo beside StartRun: its server and its client are processes of their own, as the service and its caller are. */
import type { Guard } from "../../tools/parts/guard.ts";
import { startCommandProcess } from "../parts/commands.ts";
import { growthOfCpu, readCpu } from "../parts/process-cpu.ts";
import { aSecond, cpuMsEach, type Values } from "./sample.ts";
import { CALLS_OPEN, type Sizes, WARM_UP_SHARE } from "./sizes.ts";

const PROGRAM = ["--import", "tsx", "bench/engines/echo.ts"];

/** Measures it. */
export async function measureEcho(guard: Guard, { echoCalls: calls }: Sizes): Promise<Values> {
  const server = startCommandProcess({ guard, name: "echo", args: [...PROGRAM, "server"] });
  try {
    const port = await server.ask<number>("port");
    const args = [...PROGRAM, "client", String(port)];
    const client = startCommandProcess({ guard, name: "echo-client", args });
    try {
      const call = (times: number) =>
        client.ask<number>("call", { calls: times, open: CALLS_OPEN });
      await call(Math.ceil(calls * WARM_UP_SHARE));
      const cpu = () =>
        readCpu([
          { name: "service", pid: server.pid, withChildren: false },
          { name: "caller", pid: client.pid, withChildren: false },
        ]);
      const before = cpu();
      const ms = await call(calls);
      return { callsASecond: aSecond(calls, ms), ...cpuMsEach(growthOfCpu(before, cpu()), calls) };
    } finally {
      await client.kill();
    }
  } finally {
    await server.kill();
  }
}
