/**
 * An operator, an account and users of NATS that sign in with a JWT: what nsc would make.
 * Boundary: keys of the NATS client's own library; the JWTs are claims of version 2, signed here.
 */
import { createHash } from "node:crypto";
import { nkeys } from "nats";

/** An operator that exists for one server. */
export interface NatsOperator {
  /** The settings of a server in operator mode, with the account in its memory. */
  readonly settings: string;
  /** The text of a credentials file of a new user, valid until then (seconds since 1970). */
  credentials(expiresAt: number): string;
}

/** What is used of a key of NATS. */
interface KeyPair {
  getPublicKey(): string;
  getSeed(): Uint8Array;
  sign(input: Uint8Array): Uint8Array;
}

/** Makes the keys and the account. */
export function makeNatsOperator(): NatsOperator {
  const operator: KeyPair = nkeys.createOperator();
  const account: KeyPair = nkeys.createAccount();
  const system: KeyPair = nkeys.createAccount();
  const jetstream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const unlimited = { subs: -1, conn: -1, leaf: -1, imports: -1, exports: -1, data: -1 };
  const limits = { ...unlimited, payload: -1, wildcards: true };
  const accountJwt = (key: KeyPair, more: object) =>
    sign(operator, key, { type: "account", limits: { ...limits, ...more } });
  const name = (key: KeyPair) => key.getPublicKey();
  return {
    settings: `
      operator: ${sign(operator, operator, { type: "operator", system_account: name(system) })}
      system_account: ${name(system)}
      resolver: MEMORY
      resolver_preload: {
        ${name(account)}: ${accountJwt(account, jetstream)}
        ${name(system)}: ${accountJwt(system, {})}
      }`,
    credentials(expiresAt) {
      const user: KeyPair = nkeys.createUser();
      const claims = { type: "user", subs: -1, data: -1, payload: -1, pub: {}, sub: {} };
      const jwt = sign(account, user, claims, expiresAt);
      return `${block("NATS USER JWT", jwt)}\n${block("USER NKEY SEED", text(user.getSeed()))}`;
    },
  };
}

function sign(issuer: KeyPair, subject: KeyPair, claims: object, expiresAt?: number): string {
  const body = {
    ...(expiresAt === undefined ? {} : { exp: expiresAt }),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: "test",
    nats: { ...claims, version: 2 },
  };
  const jti = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  const signed = [
    { typ: "JWT", alg: "ed25519-nkey" },
    { jti, ...body },
  ]
    .map(encode)
    .join(".");
  const signature = Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url");
  return `${signed}.${signature}`;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function block(name: string, content: string): string {
  return `-----BEGIN ${name}-----\n${content}\n------END ${name}------\n`;
}
