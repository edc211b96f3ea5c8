/**
 * The way to a collaborator that this process serves itself.
 * Boundary: as transport.ts says. Requests and replies are messages of the contract, and failures have its codes, so that
 * performers cannot tell such an owner from another one.
 */
import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, createRouterTransport } from "@connectrpc/connect";
import { CallFailure } from "./call-failure.ts";
import type { Transport } from "./transport.ts";

/** Adds the RPCs of a service. */
export type LocalRoutes = (router: ConnectRouter) => void;

/** Makes the way to the service of these routes. */
export function createLocalTransport(routes: LocalRoutes, timeoutMs: number): Transport {
  const router = createRouterTransport(routes);
  return {
    async send<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      request: Uint8Array,
      headers: Readonly<Record<string, string>>,
      callTimeoutMs = timeoutMs,
    ): Promise<MessageShape<O>> {
      try {
        // A message of its schema is one that its schema can be made of, which the compiler cannot see of an open type.
        const message: unknown = fromBinary(method.input, request);
        const init = message as MessageInitShape<I>;
        const answer = await router.unary(method, undefined, callTimeoutMs, headers, init);
        return answer.message;
      } catch (error) {
        throw callFailure(ConnectError.from(error));
      }
    },
    close: () => undefined,
  };
}

function callFailure(error: ConnectError): CallFailure {
  const { code, rawMessage } = error;
  const isBroken = code === Code.DeadlineExceeded || code === Code.Canceled;
  return new CallFailure(rawMessage, {
    kind: isBroken ? "broken" : "answered",
    code,
    cause: error,
  });
}
