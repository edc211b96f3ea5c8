/**
 * grpc.health.v1: SERVING from the first answer on, NOT_SERVING once the service is stopping or a needed part is down.
 * Boundary: setServing gives the state; nothing is checked here.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import {
  type Health,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "../../../gen/grpc/health/v1/health_pb.ts";

/** The state that health reports, and its RPCs. */
export interface HealthState {
  readonly implementation: ServiceImpl<typeof Health>;
  setServing(serving: boolean): void;
  /** NOT_SERVING for good: watchers get it, and their streams end. */
  end(): void;
}

/** Health of the server as a whole ("") and of each service named; others are unknown. */
export function createHealth(services: readonly string[]): HealthState {
  const known = new Set(["", ...services]);
  const wakes = new Set<() => void>();
  let serving = true;
  let ended = false;
  const statusOf = (service: string): Status => {
    if (!known.has(service)) return Status.SERVICE_UNKNOWN;
    return serving ? Status.SERVING : Status.NOT_SERVING;
  };
  const change = (next: boolean) => {
    serving = next && !ended;
    for (const wake of wakes) wake();
  };
  return {
    setServing: change,
    end() {
      ended = true;
      change(false);
    },
    implementation: {
      check: ({ service }) => {
        if (!known.has(service)) throw new ConnectError("no such service here", Code.NotFound);
        return create(HealthCheckResponseSchema, { status: statusOf(service) });
      },
      list: () => {
        const statuses: Record<string, HealthCheckResponse> = {};
        for (const service of known) {
          statuses[service] = create(HealthCheckResponseSchema, { status: statusOf(service) });
        }
        return create(HealthListResponseSchema, { statuses });
      },
      watch: ({ service }, context) =>
        watch(
          () => statusOf(service),
          () => ended,
          wakes,
          context,
        ),
    },
  };
}

/** The status now, and again each time it changes, until the caller leaves or the server ends. */
async function* watch(
  status: () => Status,
  ended: () => boolean,
  wakes: Set<() => void>,
  { signal }: HandlerContext,
): AsyncGenerator<HealthCheckResponse> {
  let sent: Status | undefined;
  while (!signal.aborted) {
    const now = status();
    if (now !== sent) {
      sent = now;
      yield create(HealthCheckResponseSchema, { status: now });
      continue;
    }
    if (ended()) return;
    await woken(wakes, signal);
  }
}

function woken(wakes: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      wakes.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    wakes.add(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
