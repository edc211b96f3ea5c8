/** Whatever bytes a request has: what is counted of its lists is what its decoder reads. */
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { PublishVersionRequestSchema } from "../../gen/workflows/v1/workflows_pb.ts";
import { countFields } from "../../src/ingress/rpc/message-fields.ts";
import { decodeMessage } from "../../src/wire/proto/messages.ts";
import { rawMessage } from "../../src/wire/proto/raw-payloads.ts";
import { randomNumbers } from "../support/random/random-numbers.ts";

const SEEDS = 4_000;
const DEPTH = 100;
const [STEPS, EDGES] = [2, 3];

const whole = toBinary(
  PublishVersionRequestSchema,
  create(PublishVersionRequestSchema, {
    definitionId: "d",
    steps: [
      { id: "a", config: { list: [1, null, { deep: true }], text: "x" } },
      { id: "b", retryPolicy: { maxRetries: 2, backoffMultiplier: 1.5 } },
    ],
    edges: [{ fromStepId: "a", toStepId: "b" }],
    trigger: { eventType: "t" },
    timeoutSeconds: 9,
  }),
);

function mutated(seed: number): Uint8Array {
  const random = randomNumbers(seed);
  const bytes = Uint8Array.from(whole);
  for (let change = 0; change <= seed % 3; change += 1) {
    const place = random.below(bytes.length);
    bytes[place] = random.below(random.chance(50) ? 32 : 256);
  }
  return bytes;
}

function decoded(bytes: Uint8Array) {
  try {
    return decodeMessage(PublishVersionRequestSchema, bytes);
  } catch {
    return undefined;
  }
}

function counted(bytes: Uint8Array) {
  try {
    return countFields(rawMessage(PublishVersionRequestSchema), bytes, DEPTH);
  } catch {
    return undefined;
  }
}

it("lists are counted as they are decoded, or the bytes are refused", () => {
  let both = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const bytes = mutated(seed);
    const message = decoded(bytes);
    const counts = counted(bytes);
    if (message === undefined || counts === undefined) continue;
    both += 1;
    const lists = [counts.get(STEPS) ?? 0, counts.get(EDGES) ?? 0];
    expect(lists, `seed ${seed}`).toEqual([message.steps.length, message.edges.length]);
  }
  expect(both).toBeGreaterThan(SEEDS / 10);
});
