/**
 * The stand-ins' respect for `Idempotency-Key`: the same key at the same method gets the first
 * answer again, and nothing is made a second time.
 *
 * Boundary: the kind way, for development; the platform's own is `strict-keys.ts`. Only answers are
 * kept. A call that failed is forgotten, so that its key can be used again; a repeat that comes
 * while the first is still running waits for it.
 */
import type { Interceptor, UnaryResponse } from "@connectrpc/connect";
import { remember } from "./stage.ts";

/** An interceptor that answers a repeated key from memory, marked `X-Idempotent-Replay: true`. */
export function replayByKey(): Interceptor {
  const answers = new Map<string, Promise<UnaryResponse>>();
  return (next) => async (request) => {
    const key = request.header.get("idempotency-key");
    if (request.stream || key === null) return next(request);
    const name = `${request.service.typeName}/${request.method.name} ${key}`;
    const first = answers.get(name);
    if (first) return copyAnswer(await first);
    const answer = next(request).then((response) => {
      if (response.stream) throw new TypeError("a unary call got a streamed answer");
      return response;
    });
    remember(answers, name, answer);
    try {
      return await answer;
    } catch (error) {
      answers.delete(name);
      throw error;
    }
  };
}

function copyAnswer(answer: UnaryResponse): UnaryResponse {
  const header = new Headers(answer.header);
  header.set("x-idempotent-replay", "true");
  return { ...answer, header, trailer: new Headers(answer.trailer) };
}
