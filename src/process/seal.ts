/**
 * Secrets that are stored and must be read again: sealed by AES-256-GCM with a key that the database does not have.
 * Boundary: bytes; which secrets there are, and where the keys come from, is not known here.
 * Invariant: a secret opens only for the name that it was sealed for, so that a row's secret cannot be put into another row.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Seals with the first key, and opens with any of them. */
export interface Sealer {
  seal(name: string, secret: string): Buffer;
  /** Undefined: no key opens it. */
  open(name: string, sealed: Uint8Array): string | undefined;
}

const ALGORITHM = "aes-256-gcm";
/** The form of what is stored. */
const FORM = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Bytes of a key. */
export const SEAL_KEY_BYTES = 32;

/** Undefined without a key. */
export function createSealer(keys: readonly Uint8Array[]): Sealer | undefined {
  const [first] = keys;
  if (first === undefined) return undefined;
  return {
    seal(name, secret) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, first, nonce).setAAD(Buffer.from(name));
      const body = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.of(FORM), nonce, cipher.getAuthTag(), body]);
    },
    open(name, sealed) {
      for (const key of keys) {
        const secret = openWith(key, name, Buffer.from(sealed));
        if (secret !== undefined) return secret;
      }
      return undefined;
    },
  };
}

function openWith(key: Uint8Array, name: string, sealed: Buffer): string | undefined {
  const body = 1 + NONCE_BYTES + TAG_BYTES;
  if (sealed.byteLength < body || sealed.readUInt8(0) !== FORM) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(1, 1 + NONCE_BYTES))
    .setAAD(Buffer.from(name))
    .setAuthTag(sealed.subarray(1 + NONCE_BYTES, body));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(body)), decipher.final()]).toString();
  } catch {
    // The tag does not fit: another key sealed it, or its bytes are not those that were sealed.
    return undefined;
  }
}
