/** The judgements of System.Doctor. */
import { expect, test } from "vitest";
import { CheckStatus } from "../../../../gen/workflows/ops/v1/system_pb.ts";
import {
  collaboratorChecks,
  lagCheck,
  lettersCheck,
  overdueCheck,
  partCheck,
  queuesCheck,
} from "../../../../src/ingress/rpc/system/checks.ts";

const { OK, WARN, FAIL } = CheckStatus;

test.each([
  ["ok", OK, "NATS answers, and the sources of events are read.", false],
  ["down: the connection was lost", FAIL, "the connection was lost", true],
  ["unknown", WARN, "It is not known how bus is.", false],
])("a part that is %s", (state, status, sentence, hasAction) => {
  const [check] = partCheck("bus", state);
  expect(check).toMatchObject({ name: "bus", status, sentence });
  expect(check?.action !== "").toBe(hasAction);
});

test("the outbox is left to the check of the publisher", () => {
  expect(partCheck("outbox", "down: not draining")).toEqual([]);
});

test.each([
  [0, OK],
  [1_999, OK],
  [2_000, WARN],
  [14_999, WARN],
  [15_000, FAIL],
  [undefined, WARN],
])("events that have waited for %s ms", (waitingMs, status) => {
  expect(lagCheck(waitingMs).status).toBe(status);
});

test("collaborators: closed, open, probed, built in, and those that are not configured", () => {
  const seen = (name: string, breakerRestMs?: number) => ({
    ...{ name, isConfigured: true, isBuiltIn: name === "approvals", breakerRestMs },
  });
  const unset = { ...seen("meter"), isConfigured: false };
  const checks = collaboratorChecks([
    seen("objectives"),
    seen("agents", 1_500),
    seen("registry", 0),
    seen("approvals"),
    unset,
  ]);
  expect(checks.map(({ name, status, sentence }) => [name, status, sentence])).toEqual([
    ["collaborator:objectives", OK, "Calls of objectives are sent."],
    [
      "collaborator:agents",
      FAIL,
      "agents did not answer five times in a row and is tried in 1.5 s.",
    ],
    [
      "collaborator:registry",
      FAIL,
      "registry did not answer five times in a row and is being tried.",
    ],
    ["collaborator:approvals", OK, "approvals is built in."],
    [
      "collaborators",
      OK,
      "Not configured: meter. A step that needs one of them fails and says so.",
    ],
  ]);
});

test("queues: served, unserved, not known", () => {
  const look = (queue: string) => ({ workspaceId: "ws", queue, messages: 1, oldestSeconds: 0 });
  const looks = ["a", "b", "c", "d", "e", "f", "g"].map(look);
  expect(queuesCheck(looks, () => true).status).toBe(OK);
  expect(queuesCheck(undefined, () => true).status).toBe(WARN);
  const { status, sentence } = queuesCheck(looks, ({ queue }) => queue === "a");
  expect(status).toBe(WARN);
  expect(sentence).toBe("Tasks wait in queues without a worker: b, c, d, e, f and 1 more.");
});

test.each([
  [0, OK],
  [3, WARN],
  [undefined, WARN],
])("%s messages that are put aside", (open, status) => {
  expect(lettersCheck(open).status).toBe(status);
});

test("deadlines: none, some, not known", () => {
  const deadlineAt = new Date(0);
  expect(overdueCheck([]).status).toBe(OK);
  expect(overdueCheck(undefined).status).toBe(WARN);
  expect(overdueCheck([{ runId: "wfr_1", deadlineAt }])).toMatchObject({
    status: FAIL,
    sentence:
      "Runs are past their deadline and still open, the first since 1970-01-01T00:00:00.000Z: wfr_1.",
  });
});
