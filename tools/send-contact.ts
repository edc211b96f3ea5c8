/**
 * Command line: publishes the event that HubSpot has a new contact, a lead, as the siphon does.
 *
 *     npx tsx tools/send-contact.ts --nats nats://127.0.0.1:4222 [--email E] [--company C]
 *         [--first-name F] [--last-name L] [--workspace W]
 *
 * Boundary: standard output holds the event's id. `NATS_URL` is used when `--nats` is not given.
 */
import { parseArgs } from "node:util";
import { connect } from "nats";
import { publishTapEvent } from "../src/sandbox/tap.ts";
import { contactCreated, DANA, WORKSPACE_ID } from "./demo/sales-process.ts";

const { values } = parseArgs({
  options: {
    nats: { type: "string", default: process.env.NATS_URL ?? "" },
    email: { type: "string", default: DANA.email },
    company: { type: "string", default: DANA.company },
    "first-name": { type: "string", default: DANA.firstName },
    "last-name": { type: "string", default: DANA.lastName },
    workspace: { type: "string", default: WORKSPACE_ID },
  },
});
if (values.nats === "") {
  console.error("--nats (or NATS_URL) must name the NATS server, such as nats://127.0.0.1:4222.");
  process.exit(1);
}
const contact = {
  email: values.email,
  company: values.company,
  firstName: values["first-name"],
  lastName: values["last-name"],
};
const connection = await connect({ servers: values.nats.split(",") }).catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(`NATS does not answer at ${values.nats}: ${reason}`);
  process.exit(1);
});
try {
  const eventId = await publishTapEvent(connection, contactCreated(contact, values.workspace));
  console.error(`Published ${contact.email} to the bus; the run that this starts names the event:`);
  console.log(eventId);
} finally {
  await connection.close();
}
