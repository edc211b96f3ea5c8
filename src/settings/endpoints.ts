/** The settings of endpoints. Boundary: reads the variables; runtime/endpoints.ts uses them. */
import type { EnvironmentReader } from "../environment.ts";

/** How endpoints keep secrets, and where they are reached. */
export interface EndpointSettings {
  /** Seal secrets: the first one new ones, each of them what is stored. */
  readonly secretsKeys: readonly Uint8Array[];
  /** Without a slash at the end; "": it is not known. */
  readonly publicUrl: string;
}

const KEY_BYTES = 32;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** The settings, each fault noted in the reader. What is wrong with PUBLIC_URL the console's settings say. */
export function readEndpoints(reader: EnvironmentReader): EndpointSettings {
  const publicUrl = (reader.text("PUBLIC_URL") ?? "").replace(/\/+$/, "");
  const secretsKeys = reader.list("SECRETS_KEY", false).map((text) => {
    const key = Buffer.from(text, "base64");
    if (!BASE64.test(text) || key.byteLength !== KEY_BYTES) {
      reader.fault(
        "SECRETS_KEY",
        `must be ${KEY_BYTES} bytes in base64, several with commas: openssl rand -base64 ${KEY_BYTES}`,
      );
    }
    return key;
  });
  return { secretsKeys, publicUrl };
}

/** The settings as facts for the log, without the keys. */
export function describeEndpoints({ secretsKeys, publicUrl }: EndpointSettings): object {
  return { secretsKeys: secretsKeys.length, publicUrl };
}
