/**
 * The identity service of a test: tokens that the test knows, over real HTTP, well or in trouble.
 * Boundary: answers Introspect only.
 */
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  IntrospectRequestSchema,
  IntrospectResponseSchema,
} from "../../../gen/identity/v1/tokens_pb.ts";
import {
  type Answer,
  messageOf,
  startCollaborator,
  type TestCollaborator,
} from "./collaborators.ts";

/** The service; while `trouble` is set it is the answer to everything. */
export interface TestIdentity extends TestCollaborator {
  trouble: Answer | undefined;
  /** How often it was asked about this token. */
  timesAsked(token: string): number;
}

/** What a token stands for. */
export type TokenFacts = MessageInitShape<typeof IntrospectResponseSchema>;

/** Starts it; a token that `tokens` does not know is not active. */
export async function startIdentity(tokens: (token: string) => TokenFacts | undefined) {
  const tokenOf = (body: Buffer) => fromBinary(IntrospectRequestSchema, body).token;
  const server = await startCollaborator(({ body }): Answer => {
    const facts = tokens(tokenOf(body)) ?? { active: false };
    return identity.trouble ?? messageOf(IntrospectResponseSchema, facts);
  });
  const identity: TestIdentity = {
    ...server,
    trouble: undefined,
    timesAsked: (token) => server.asked.filter(({ body }) => tokenOf(body) === token).length,
  };
  return identity;
}

/** A token of this workspace, good for longer than any test file takes. */
export function goodToken(workspaceId: string, scopes: readonly string[]): TokenFacts {
  return {
    active: true,
    subject: `user_of_${workspaceId}`,
    organizationId: workspaceId,
    scopes: [...scopes],
    expiresAt: timestampFromMs(Date.now() + 3_600_000),
  };
}
