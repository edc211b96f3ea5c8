/** The settings of the console. Boundary: reads the variables; ingress/rpc/console/ serves it. */
import { type EnvironmentReader, optional } from "../environment.ts";
import type { DoorSettings } from "./door.ts";

const SWITCH = ["on", "off"] as const;
/** As addresses have them that need no escaping. */
const PATH = /^(\/[A-Za-z0-9._~-]+)*$/;

/** How the console is reached, and how its users sign in. */
export interface ConsoleSettings {
  readonly authMode: DoorSettings["auth"]["mode"];
  /** Where users sign in; unset: they paste a token. */
  readonly oidc?: { readonly issuer: string; readonly clientId: string; readonly audience: string };
  /** The path that a proxy takes off, such as `/flows`; unset: the header X-Forwarded-Prefix says it. */
  readonly prefix?: string;
}

/** The settings, each fault noted in the reader; undefined: there is no console. */
export function readConsole(
  reader: EnvironmentReader,
  auth: DoorSettings["auth"],
): ConsoleSettings | undefined {
  const isOn = reader.choice("CONSOLE", SWITCH, "on") === "on";
  const clientId = reader.text("CONSOLE_CLIENT_ID");
  const prefix = readPrefix(reader);
  if (clientId !== undefined && auth.mode !== "jwt") {
    reader.fault("CONSOLE_CLIENT_ID", "needs AUTH_MODE=jwt");
  }
  if (!isOn) return undefined;
  const oidc =
    auth.mode === "jwt" && clientId !== undefined
      ? { issuer: auth.issuer, clientId, audience: auth.audience }
      : undefined;
  if (oidc !== undefined && !/^https?:\/\//.test(oidc.issuer)) {
    reader.fault("CONSOLE_CLIENT_ID", "needs a JWT_ISSUER that is a URL: users sign in there");
  }
  return { authMode: auth.mode, ...optional("oidc", oidc), ...optional("prefix", prefix) };
}

function readPrefix(reader: EnvironmentReader): string | undefined {
  const url = reader.url("PUBLIC_URL", ["http:", "https:"]);
  if (url === undefined) return undefined;
  const { pathname, search, hash } = new URL(url);
  const prefix = pathname.replace(/\/+$/, "");
  if (search !== "" || hash !== "" || !PATH.test(prefix)) {
    reader.fault("PUBLIC_URL", "must be an address and a path of letters, digits and . _ ~ -");
  }
  return prefix;
}
