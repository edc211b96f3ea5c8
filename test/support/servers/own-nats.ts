/**
 * A nats-server of a test's own, which stops and restarts at the same address with other settings.
 * Boundary: the program nats-server on loopback; streams stay in its folder from one start to the next.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startGuard } from "../../../tools/parts/guard.ts";
import { type NatsServer, startNatsServer } from "../../../tools/parts/nats-server.ts";

/** The server. */
export interface OwnNats {
  /** Without credentials; the same after every restart. */
  readonly url: string;
  /** Its folder for files; `nats` in it holds the streams. */
  readonly folder: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Ends it as a crash does not: with SIGTERM. */
  end(): Promise<void>;
  /** Ends it, and starts it with these settings (the text of a configuration file). */
  restart(settings?: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it with these settings; "" is a server that lets everyone in. */
export async function startOwnNats(settings = ""): Promise<OwnNats> {
  const guard = await startGuard("workflows-own-nats-");
  const file = join(guard.folder, "settings.conf");
  const start = async (text: string, port?: number): Promise<NatsServer> => {
    await writeFile(file, text);
    return startNatsServer(guard, () => {}, {
      args: ["-c", file],
      ...(port === undefined ? {} : { port }),
    });
  };
  let server = await start(settings);
  const { url } = server;
  return {
    url,
    folder: guard.folder,
    get pid() {
      return server.pid;
    },
    end: () => server.stop(),
    async restart(text = "") {
      await server.stop();
      server = await start(text, Number(new URL(url).port));
    },
    async stop() {
      await server.stop();
      await guard.release();
    },
  };
}
