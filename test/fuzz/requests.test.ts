/**
 * Requests in bulk that no sound caller sends, to every unary RPC: each is answered, or refused by a documented reason;
 * none holds the event loop, none is a fault of the service, and Postgres holds what the OK answers say and nothing else.
 */
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import fc, { type Arbitrary } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { withoutHolding } from "../support/assertions/loop-held.ts";
import { fuzzRuns, fuzzTimeoutMs, IS_REPLAY } from "../support/random/fuzz-runs.ts";
import { applyChanges, changes } from "../support/random/random-requests.ts";
import { asJson, asProtobuf, breaks, broken } from "../support/random/written-requests.ts";
import {
  type AnsweredObjects,
  answeredObjects,
  noteAnswer,
} from "../support/services/answered-objects.ts";
import { furnish, METHODS, type Place, soundRequest } from "../support/services/fuzzed-place.ts";
import {
  type FuzzedService,
  type Sent,
  startFuzzedService,
} from "../support/services/fuzzed-service.ts";
import { changedIds, readStored, type Stored } from "../support/services/stored-objects.ts";

type Body = Pick<Sent, "type" | "body">;

/** Inputs of each form for each RPC: 500 together. */
const INPUTS = { fields: 300, bytes: 100, json: 100 };
const WRITING: readonly string[] = Object.values(WorkflowService.method)
  .filter(({ idempotency }) => idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS)
  .map(({ name }) => name);
const SHOWN_CHARS = 600;
const JSON_TYPE = "application/json" as const;
const PROTO_TYPE = "application/proto" as const;

let service: FuzzedService;
let place: Place;
beforeAll(async () => {
  service = await startFuzzedService();
  place = await furnish(service);
});
afterAll(() => service.stop());

interface Form {
  readonly form: string;
  readonly inputs: number;
  bodiesOf(method: DescMethodUnary): Arbitrary<Body>;
}

/** Requests of an RPC, by what was done to them. */
const FORMS: readonly Form[] = [
  {
    form: "fields changed",
    inputs: INPUTS.fields,
    bodiesOf: (method) =>
      fc.tuple(numbers, changes, fc.boolean()).map(([n, made, isJson]) => {
        const sound = soundRequest(method, place, n);
        const tree = applyChanges(method.input, sound, made, place.ids);
        return isJson
          ? { type: JSON_TYPE, body: asJson(tree) }
          : { type: PROTO_TYPE, body: asProtobuf(method.input, tree) };
      }),
  },
  {
    form: "protobuf broken, or any bytes",
    inputs: INPUTS.bytes,
    bodiesOf: (method) =>
      fc
        .tuple(numbers, breaks, fc.option(fc.uint8Array({ maxLength: 300 })))
        .map(([n, made, any]) => {
          const sound = asProtobuf(method.input, soundRequest(method, place, n));
          return { type: PROTO_TYPE, body: broken(any ?? sound, made) };
        }),
  },
  {
    form: "JSON broken, or any JSON",
    inputs: INPUTS.json,
    bodiesOf: (method) =>
      fc.tuple(numbers, breaks, fc.option(fc.json({ maxDepth: 5 }))).map(([n, made, any]) => {
        const sound = asJson(soundRequest(method, place, n));
        return { type: JSON_TYPE, body: broken(any === null ? sound : Buffer.from(any), made) };
      }),
  },
];
const numbers = fc.nat(1_000_000);

/** Sends a request; a refused one commits nothing. */
async function send(sent: Sent, answered: AnsweredObjects): Promise<void> {
  // Those of a request before that failed: this one is not blamed for them.
  service.faults.length = 0;
  await withoutHolding(async () => {
    const { length } = service.batches;
    const answer = await service.send(sent);
    if (answer.ok) noteAnswer(answered, answer.message);
    else expect(service.batches.length, answer.reason).toBe(length);
  });
  expect(service.faults).toEqual([]);
}

/** The request as a failure shows it. */
function shown({ type, body }: Body): string {
  const text =
    type === JSON_TYPE ? Buffer.from(body).toString() : Buffer.from(body).toString("hex");
  return `${type}, ${body.length} bytes: ${text.slice(0, SHOWN_CHARS)}`;
}

/** What changed in Postgres is what the OK answers name, in the state that the last of them names. */
function expectStored(before: Stored, after: Stored, answered: AnsweredObjects): void {
  const definitions = changedIds(before.definitions, after.definitions, (print) => print);
  expect(new Set(definitions.made)).toEqual(answered.made);
  expect(answered.published).toEqual(expect.arrayContaining(definitions.changed));
  const versions = changedIds(before.versions, after.versions, (print) => print);
  expect(new Set(versions.made)).toEqual(answered.versions);
  const runs = changedIds(before.runs, after.runs, ({ print }) => print);
  expect([...answered.runs.keys()]).toEqual(
    expect.arrayContaining([...runs.made, ...runs.changed]),
  );
  for (const [id, state] of answered.runs)
    expect([id, after.runs.get(id)?.state]).toEqual([id, state]);
  for (const { seq, moves } of after.runs.values()) expect(moves).toBe(seq);
  const lost = [...definitions.gone, ...versions.gone, ...versions.changed, ...runs.gone];
  expect(lost).toEqual([]);
  if (answered.count === 0) expect(after).toEqual(before);
}

describe.each(METHODS)("$name", ({ method }) => {
  test.each(FORMS)(
    "$form",
    async ({ form, inputs, bodiesOf }) => {
      const answered = answeredObjects();
      const before = await readStored(service.url);
      const property = fc.asyncProperty(bodiesOf(method), async (body) => {
        await send({ method, ...body }, answered).catch((cause: unknown) => {
          throw new Error(`${cause}; ${shown(body)}`, { cause });
        });
      });
      await fc.assert(property, fuzzRuns(inputs));
      const after = await readStored(service.url);
      expectStored(before, after, answered);
      // Fuzz is worth something only while some of it gets through.
      const writes = WRITING.includes(method.name) && form === "fields changed";
      if (writes && !IS_REPLAY) {
        expect(answered.count).toBeGreaterThan(inputs / 20);
      }
    },
    fuzzTimeoutMs(240_000),
  );
});
