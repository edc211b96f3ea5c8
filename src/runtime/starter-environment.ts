/** The environment that a schedule or an endpoint starts runs of. Boundary: one rule for both. */
import { Refusal } from "../process/refusal.ts";

/** The only one that there is yet. */
const PRODUCTION = "production";

/** The environment that was asked for, "" for production. Refuses invalid_fields for one that there is not. */
export function requireEnvironment(asked: string): string {
  if (asked === "" || asked === PRODUCTION) return PRODUCTION;
  const description = `"${asked}" is not there; leave it empty or say ${PRODUCTION}`;
  const fields = [{ field: "environment", description }];
  throw new Refusal("invalid_fields", "the request is not valid", { fields });
}
