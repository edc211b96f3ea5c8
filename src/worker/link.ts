/** Whether the connection to NATS is up: what is published while it is down may be lost without a word. */
import { Events, type NatsConnection } from "nats";
import type { WorkerLog } from "./handlers.ts";

/** The state of a connection. */
export interface Link {
  readonly isUp: boolean;
  /** Calls when it is up again. */
  onUp(call: () => void): void;
}

/** Watches a connection until it is closed. */
export function watchLink(connection: NatsConnection, log: WorkerLog): Link {
  const calls: (() => void)[] = [];
  let isUp = true;
  const watch = async () => {
    for await (const { type } of connection.status()) {
      if (type === Events.Disconnect) {
        if (isUp) log.warn("the connection to NATS is lost");
        isUp = false;
      } else if (type === Events.Reconnect) {
        isUp = true;
        log.info("the connection to NATS is back");
        for (const call of calls) call();
      }
    }
    isUp = false;
  };
  void watch();
  return {
    get isUp() {
      return isUp && !connection.isClosed();
    },
    onUp: (call) => void calls.push(call),
  };
}
