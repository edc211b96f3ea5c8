/** Sealed secrets: what opens them, and what does not. */
import { expect, test } from "vitest";
import { createSealer, SEAL_KEY_BYTES } from "../../../src/process/seal.ts";

const keyOf = (byte: number) => Buffer.alloc(SEAL_KEY_BYTES, byte);
const sealerOf = (...keys: Buffer[]) => {
  const sealer = createSealer(keys);
  if (sealer === undefined) throw new Error("there is no sealer");
  return sealer;
};

test("a secret opens for its own name, and for no other", () => {
  const sealer = sealerOf(keyOf(1));
  const sealed = sealer.seal("a", "sécret");
  expect(sealer.open("a", sealed)).toBe("sécret");
  expect(sealer.open("b", sealed)).toBeUndefined();
});

test("what is sealed shows nothing, and is another each time", () => {
  const sealer = sealerOf(keyOf(1));
  const [one, two] = [sealer.seal("a", "secret"), sealer.seal("a", "secret")];
  expect(one.equals(two)).toBe(false);
  expect(one.includes("secret")).toBe(false);
});

test("each key opens what it sealed, and the first one seals", () => {
  const old = sealerOf(keyOf(1)).seal("a", "secret");
  const both = sealerOf(keyOf(2), keyOf(1));
  expect(both.open("a", old)).toBe("secret");
  expect(sealerOf(keyOf(1)).open("a", both.seal("a", "secret"))).toBeUndefined();
});

test("bytes that were changed do not open", () => {
  const sealer = sealerOf(keyOf(1));
  const sealed = sealer.seal("a", "secret");
  for (let at = 0; at < sealed.byteLength; at += 1) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(sealer.open("a", changed)).toBeUndefined();
  }
  expect(sealer.open("a", Buffer.alloc(0))).toBeUndefined();
});

test("without a key there is no sealer", () => {
  expect(createSealer([])).toBeUndefined();
});
