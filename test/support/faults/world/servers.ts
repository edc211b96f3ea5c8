/**
 * A Postgres and a nats-server of a world's own, that crash and come back at the same addresses with what they had stored.
 * Boundary: processes and files; what is stored in them is not known here.
 */
import { existsSync } from "node:fs";
import { cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startGuard } from "../../../../tools/parts/guard.ts";
import { type NatsServer, startNatsServer } from "../../../../tools/parts/nats-server.ts";
import { startPostgres } from "../../../../tools/parts/postgres.ts";

/** The two servers. */
export interface Servers {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** An immediate restart: what was not committed is gone. */
  restartPostgres(): Promise<void>;
  /** Kill -9; `startNats` brings it back. */
  killNats(): Promise<void>;
  startNats(): Promise<void>;
  freezeNats(): void;
  thawNats(): void;
  /** Restarts the server without what was stored of a stream. False: there was no such stream. */
  loseStream(stream: string): Promise<boolean>;
  /** Restarts the server with the stream as it was `agoMs` before. False: there was no such stream. */
  restoreStream(stream: string, agoMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

/** Starts both, side by side. */
export async function startServers(): Promise<Servers> {
  const guard = await startGuard("workflows-world-");
  const startBus = (port?: number): Promise<NatsServer> =>
    startNatsServer(guard, () => {}, port === undefined ? {} : { port });
  const [postgres, first] = await Promise.all([
    // A commit that is answered must survive the end of the processes; the end of the machine it need not.
    startPostgres(guard, {
      fastDisk: true,
      settings: ["max_connections=300", "synchronous_commit=on"],
    }),
    startBus(),
  ]);
  let nats = first;
  const port = Number(new URL(nats.url).port);
  const folderOf = (stream: string) => join(guard.folder, "nats/jetstream/$G/streams", stream);
  const copyOf = (stream: string) => join(guard.folder, `copy-of-${stream}`);
  const restart = async (between: () => Promise<void>): Promise<void> => {
    await nats.stop();
    await between();
    nats = await startBus(port);
  };
  return {
    databaseUrl: postgres.url,
    natsUrl: nats.url,
    restartPostgres: postgres.restartAtOnce,
    async killNats() {
      process.kill(nats.pid, "SIGKILL");
      await nats.stop();
    },
    async startNats() {
      nats = await startBus(port);
    },
    freezeNats: () => void process.kill(nats.pid, "SIGSTOP"),
    thawNats: () => void process.kill(nats.pid, "SIGCONT"),
    async loseStream(stream) {
      const isThere = existsSync(folderOf(stream));
      await restart(() => rm(folderOf(stream), { recursive: true, force: true }));
      return isThere;
    },
    async restoreStream(stream, agoMs) {
      // Lost a moment before, and not made again yet: there is no copy to go back to.
      if (!existsSync(folderOf(stream))) return false;
      await restart(() => cp(folderOf(stream), copyOf(stream), { recursive: true }));
      await delay(agoMs);
      await restart(async () => {
        await rm(folderOf(stream), { recursive: true, force: true });
        await rename(copyOf(stream), folderOf(stream));
      });
      return true;
    },
    async stop() {
      await Promise.all([postgres.stop(), nats.stop()]);
      await guard.release();
    },
  };
}
