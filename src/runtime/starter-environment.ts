/** The environment that a schedule or an endpoint starts runs of. Boundary: one rule for both. */
import { PRODUCTION } from "../engine/values/environment.ts";
import { Refusal } from "../process/refusal.ts";

/** The environment that was asked for, "" for production. Refuses invalid_fields for any other one. */
export function requireEnvironment(asked: string): string {
  if (asked === "" || asked === PRODUCTION) return PRODUCTION;
  const description = `is "${asked}"; schedules and endpoints start what is in ${PRODUCTION}: leave it empty`;
  const fields = [{ field: "environment", description }];
  throw new Refusal("invalid_fields", "the request is not valid", { fields });
}
