/**
 * The RPCs of one replica as callers reach them: the real handlers below Connect, each with keys as in production.
 * Boundary: messages as Connect decodes and encodes them; no sockets, deadlines or authentication.
 */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext } from "@connectrpc/connect";
import { createInboxFeed } from "../../../src/ingress/rpc/inbox-feed.ts";
import { workflowService } from "../../../src/ingress/rpc/service.ts";
import type { ServiceParts } from "../../../src/ingress/rpc/service-parts.ts";
import { createSourceReader } from "../../../src/ingress/rpc/source-reader.ts";
import { Refusal } from "../../../src/process/refusal.ts";
import { createCallerKeys } from "../../../src/runtime/caller-keys.ts";
import { createEventFeed } from "../../../src/runtime/event-feed.ts";
import { createHeldKeys } from "../../../src/runtime/held-keys.ts";
import { createRunFeed } from "../../../src/runtime/run-feed.ts";
import { createWorkflowFeed } from "../../../src/runtime/workflow-feed.ts";
import type { Link, LinkWorld } from "./link.ts";

/** The door of one replica. */
export interface RpcDoor {
  /** Calls under way. */
  readonly open: number;
  /**
   * Makes a call. Rejects as its handler does, or with `unavailable` where request or answer is lost; never settles once
   * the replica is gone.
   */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    key: string | undefined,
  ): Promise<MessageShape<O>>;
}

type Handler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: HandlerContext,
) => Promise<MessageShape<O>>;

/** Opens the door of a replica that is made of these parts. */
export function openDoor(
  world: LinkWorld,
  link: Link,
  parts: Pick<ServiceParts, "database" | "processor" | "graphs" | "log">,
): RpcDoor {
  const service = workflowService({
    ...parts,
    callerKeys: createCallerKeys(parts.database),
    heldKeys: createHeldKeys(parts),
    feed: createRunFeed(parts),
    sources: createSourceReader(),
    inboxFeed: createInboxFeed(),
    workflowFeed: createWorkflowFeed(parts),
    eventFeed: createEventFeed(async () => () => {}),
    probe: async () => ({ parts: {} }),
  });
  const handlers = new Map<string, unknown>(Object.entries(service));
  let open = 0;

  async function settled<O>(handled: Promise<O>): Promise<{ answer: O } | { error: unknown }> {
    try {
      return { answer: await handled };
    } catch (error) {
      return { error };
    }
  }

  /** Also a request that is on its way to a replica that stands still may yet change something. */
  async function counted<O>(work: () => Promise<O>): Promise<O> {
    open += 1;
    try {
      return await work();
    } finally {
      open -= 1;
    }
  }

  return {
    get open() {
      return open;
    },
    async call<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      request: MessageInitShape<I>,
      key: string | undefined,
    ) {
      const handler = handlers.get(method.localName) as Handler<I, O>;
      const done = await counted(async () => {
        await link.pass();
        if (link.unlucky("callers")) throw new Refusal("unavailable", "the request is lost");
        return settled(handler(create(method.input, request), contextOf(key)));
      });
      world.reach("before an answer", link.replica);
      await link.pass();
      if (link.unlucky("callers")) {
        world.witness.count("lost answer of a call");
        throw new Refusal("unavailable", "the answer is lost");
      }
      if ("error" in done) throw done.error;
      return done.answer;
    },
  };
}

function contextOf(key: string | undefined): HandlerContext {
  const context: Partial<HandlerContext> = {
    requestHeader: new Headers(key === undefined ? {} : { "Idempotency-Key": key }),
    responseHeader: new Headers(),
    requestMethod: "POST",
    values: createContextValues(),
  };
  return context as HandlerContext;
}
