/** Whatever bytes a request has: what our strict reader takes, the library reads as the same message. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import {
  type PublishVersionRequest,
  PublishVersionRequestSchema,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { readMessageJson } from "../../src/wire/proto/json.ts";
import { decodeMessage } from "../../src/wire/proto/messages.ts";
import { randomNumbers } from "../support/random/random-numbers.ts";

const SEEDS = 4_000;

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

function byLibrary(bytes: Uint8Array) {
  try {
    return fromBinary(PublishVersionRequestSchema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

/** The message without its payloads: in their entries the library does not skip unknown fields. */
function withoutConfigs({ steps, ...rest }: PublishVersionRequest) {
  return { ...rest, steps: steps.map(({ config: _, ...step }) => step) };
}

it("bytes are read as the library reads them, or refused", () => {
  let taken = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const bytes = mutated(seed);
    const message = decoded(bytes);
    const other = byLibrary(bytes);
    if (message === undefined) continue;
    if (other === undefined) {
      expect(message.steps.some(({ config }) => config !== undefined)).toBe(true);
      continue;
    }
    taken += 1;
    expect(withoutConfigs(message), `seed ${seed}`).toEqual(withoutConfigs(other));
  }
  expect(taken).toBeGreaterThan(SEEDS / 10);
});

it("lists have the length that they have in the bytes, with null for what is not read", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const bytes = mutated(seed);
    const message = decoded(bytes);
    if (message === undefined) continue;
    const { steps, edges } = readMessageJson(PublishVersionRequestSchema, bytes, 1);
    const lists = [steps, edges].map((list) => (Array.isArray(list) ? list : []));
    const lengths = [message.steps.length, message.edges.length];
    expect(
      lists.map(({ length }) => length),
      `seed ${seed}`,
    ).toEqual(lengths);
    for (const item of lists.flatMap((list) => list.slice(1))) expect(item).toBeNull();
  }
});
