/** The environment that a schedule or an endpoint starts runs of. Boundary: one rule for both; what is deployed there is found at each start. */
import { ENVIRONMENT_FORM, isEnvironment, PRODUCTION } from "../engine/values/environment.ts";
import { Refusal } from "../process/refusal.ts";

/** The environment that was asked for, "" for production. Refuses invalid_fields for what is no name of one. */
export function requireEnvironment(asked: string): string {
  if (asked === "") return PRODUCTION;
  if (isEnvironment(asked)) return asked;
  const fields = [{ field: "environment", description: ENVIRONMENT_FORM }];
  throw new Refusal("invalid_fields", "the request is not valid", { fields });
}

/** Why nothing starts where no version is deployed. */
export function undeployedWords(environment: string): string {
  return environment === PRODUCTION
    ? "the workflow has no published version in production"
    : `the workflow is not deployed in ${environment}; Deploy deploys it`;
}
