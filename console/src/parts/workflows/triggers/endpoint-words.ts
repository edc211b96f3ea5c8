/** Endpoints in words. Boundary: texts and types alone. */
import {
  type EndpointsCreateResponse,
  EndpointVerification,
} from "../../../../../gen/workflows/ops/v1/endpoints_pb.ts";

/** How deliveries are checked, in words. */
export const VERIFICATIONS: Readonly<Record<EndpointVerification, string>> = {
  [EndpointVerification.UNSPECIFIED]: "Unknown",
  [EndpointVerification.NONE]: "By the URL alone",
  [EndpointVerification.STANDARD_WEBHOOKS]: "Standard Webhooks",
  [EndpointVerification.HMAC]: "HMAC-SHA256",
  [EndpointVerification.GITHUB]: "GitHub",
  [EndpointVerification.STRIPE]: "Stripe",
  [EndpointVerification.SLACK]: "Slack",
  [EndpointVerification.BEARER]: "Bearer token",
};

/** What is shown once. */
export type MadeUrl = Pick<EndpointsCreateResponse, "endpoint" | "url" | "secret">;
