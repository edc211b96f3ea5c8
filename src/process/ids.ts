/**
 * Ids of what this service makes: a prefix, 48 bits of time and 80 random bits in Crockford's base 32.
 * Boundary: the process's clock serves for sorting alone, nothing is decided by it.
 * Invariant: ids of one process rise, also within a millisecond and when its clock is set back.
 */
import { createHash, randomBytes } from "node:crypto";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const BITS_A_DIGIT = 5n;
const DIGIT_MASK = 31n;
const ID_DIGITS = 26;
const RANDOM_BYTES = 10;
const RANDOM_BITS = 80n;
const HASH_HEX_DIGITS = 32;

let last = 0n;

/** An id of a run, `wfr_…`. */
export function newRunId(): string {
  return `wfr_${nextDigits()}`;
}
/** An id of a definition, `wf_…`. */
export function newDefinitionId(): string {
  return `wf_${nextDigits()}`;
}
/** An id of a version, `wfv_…`. */
export function newVersionId(): string {
  return `wfv_${nextDigits()}`;
}
/** An id of a deployment, `dep_…`. */
export function newDeploymentId(): string {
  return `dep_${nextDigits()}`;
}

/** An id of an endpoint, `whk_…`. */
export function newEndpointId(): string {
  return `whk_${nextDigits()}`;
}

/** An id of a hook, `hok_…`. */
export function newHookId(): string {
  return `hok_${nextDigits()}`;
}

/** An id of a schedule, `wsc_…`. */
export function newScheduleId(): string {
  return `wsc_${nextDigits()}`;
}

/** An id that follows from a key: the prefix and 128 bits of the key's SHA-256, the same on every replica. */
export function idOfKey(prefix: string, key: string): string {
  const hash = createHash("sha256").update(key).digest("hex");
  return `${prefix}${digitsOf(BigInt(`0x${hash.slice(0, HASH_HEX_DIGITS)}`))}`;
}

function nextDigits(): string {
  const now = BigInt(Date.now());
  if (now > last >> RANDOM_BITS) {
    last = (now << RANDOM_BITS) | BigInt(`0x${randomBytes(RANDOM_BYTES).toString("hex")}`);
  } else {
    // A random step, so that neighbours are not guessed from each other.
    last += BigInt(randomBytes(4).readUInt32BE()) + 1n;
  }
  return digitsOf(last);
}

function digitsOf(value: bigint): string {
  let text = "";
  for (let rest = value; text.length < ID_DIGITS; rest >>= BITS_A_DIGIT) {
    text = DIGITS.charAt(Number(rest & DIGIT_MASK)) + text;
  }
  return text;
}
