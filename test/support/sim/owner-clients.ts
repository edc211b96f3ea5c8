/** One replica's clients of the owners: the link's time and troubles around every request. */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { CallFailure } from "../../../src/collaborators/call-failure.ts";
import { type Client, type Clients, NotConfigured } from "../../../src/collaborators/clients.ts";
import type { CollaboratorName } from "../../../src/collaborators/names.ts";
import type { Link, LinkWorld } from "./link.ts";
import type { Owners } from "./owners.ts";

const SERVICES: readonly CollaboratorName[] = [
  "objectives",
  "approvals",
  "governance",
  "notifications",
];

/** Clients of those owners that the worlds have. */
export function ownerClients(world: LinkWorld, owners: Owners, link: Link): Clients {
  const clients = new Map(SERVICES.map((name) => [name, clientOf(world, owners, link, name)]));
  return {
    find: (name) => clients.get(name),
    require(name) {
      const client = clients.get(name);
      if (client === undefined) throw new NotConfigured(`no world has ${name}`);
      return client;
    },
    breakerRestMs: () => undefined,
    close: () => undefined,
    disconnect: () => undefined,
  };
}

function clientOf(world: LinkWorld, owners: Owners, link: Link, service: string): Client {
  async function ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    await link.pass();
    if (link.unlucky("owners")) throw broken("the question is lost");
    const bytes = toBinary(method.input, create(method.input, request));
    const answer = owners.look(`${service}.${method.name}`, bytes);
    await link.pass();
    if (link.unlucky("owners")) throw broken("the answer is lost");
    return answer as MessageShape<O>;
  }

  return {
    async create<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      bytes: Uint8Array,
      { callId, workspaceId }: { callId: string; workspaceId: string },
    ): Promise<MessageShape<O>> {
      await link.pass();
      if (link.unlucky("owners")) throw broken("the request is lost");
      world.reach("before an owner acts", link.replica);
      const request = { service, method: method.name, key: callId, workspaceId, bytes };
      const answer = owners.answer(request);
      world.witness.note(link.replica, service, callId);
      world.reach("after an owner acted", link.replica);
      await link.pass();
      if (link.unlucky("owners")) throw broken("the answer is lost");
      return answer as MessageShape<O>;
    },
    ask,
    askBriefly: ask,
  };
}

function broken(message: string): CallFailure {
  return new CallFailure(message, { kind: "broken", code: Code.Unavailable });
}
