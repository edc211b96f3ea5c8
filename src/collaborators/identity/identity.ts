/**
 * Authentication of callers as configured: none, by the identity service, or by signatures in this process.
 * Boundary: the choice alone.
 */

import type { Log } from "../../process/log.ts";
import type { Clients } from "../clients.ts";
import type { Callers } from "./callers.ts";
import { introspectBy } from "./introspect.ts";
import { type SignatureSettings, verifySignatures } from "./signed-tokens.ts";
import { rememberCallers } from "./token-memory.ts";

/** How callers are authenticated. */
export type AuthSettings =
  | { readonly mode: "none" }
  | { readonly mode: "introspect" }
  | ({ readonly mode: "jwt" } & SignatureSettings);

/** Who knows callers; undefined when everybody may do everything. */
export function createCallers(
  auth: AuthSettings,
  { clients, log }: { readonly clients: Clients; readonly log: Log },
): Callers | undefined {
  switch (auth.mode) {
    case "none":
      return undefined;
    case "introspect":
      return rememberCallers(introspectBy(clients.require("identity"), log));
    case "jwt":
      return rememberCallers(verifySignatures(auth, log));
  }
}
