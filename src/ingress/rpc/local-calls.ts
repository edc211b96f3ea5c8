/**
 * Unary calls from inside the process: a door that speaks another protocol calls the RPCs as a client of Connect does.
 * Boundary: a transport over the handlers that the router has. Guard, workspace, deadline, idempotency and errors are those of a call
 * over the network: the same functions do them.
 * Invariant: a door has no other way to a handler, so that what its caller may do cannot differ.
 */
import { create, type DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextValues,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import type { Log } from "../../process/log.ts";
import { decodeMessage } from "../../wire/proto/messages.ts";
import type { Guard } from "./guard.ts";
import { type CallMark, callMark, surround } from "./interceptor.ts";
import type { UnaryRpc } from "./unary-call.ts";

/** The RPCs of the router. */
export interface LocalRpcs {
  readonly unary: ReadonlyMap<DescMethod, UnaryRpc>;
  readonly guard: Guard | undefined;
  readonly log: Log;
}

/** The transport. Its calls reject with a ConnectError, and it has no streams. */
export function createLocalTransport({ unary, guard, log }: LocalRpcs): Transport {
  return {
    async unary(method, aborted, timeoutMs, given, input, contextValues) {
      const rpc = unary.get(method);
      if (rpc === undefined)
        throw new ConnectError(`${method.name} is not there`, Code.Unimplemented);
      const header = new Headers(given);
      const signal = aborted ?? new AbortController().signal;
      const mark: CallMark = { reached: true, bug: false };
      const values = (contextValues ?? createContextValues()).set(callMark, mark);
      const message = create(method.input, input);
      const context: HandlerContext = {
        ...{ method, service: method.parent, requestMethod: "POST", protocolName: "connect" },
        ...{ url: `local:/${method.parent.typeName}/${method.name}`, timeoutMs: () => timeoutMs },
        ...{ signal, values, requestHeader: header },
        responseHeader: new Headers(),
        responseTrailer: new Headers(),
      };
      mark.caller = await guard?.(method, header).catch((error: unknown) => {
        mark.fault = error;
        return undefined;
      });
      const call = { method, message, header, signal, contextValues: values };
      await surround(log, call, mark, async () =>
        create(rpc.method.output, await rpc.handle(message, context)),
      );
      if (mark.answer === undefined) throw new Error("a call ended without an answer");
      return {
        ...{ stream: false, service: method.parent, method },
        ...{ header: context.responseHeader, trailer: context.responseTrailer },
        message: decodeMessage(method.output, mark.answer),
      };
    },
    async stream({ name }) {
      throw new ConnectError(`${name} is a stream, which no door has`, Code.Unimplemented);
    },
  };
}
