/** What started a run, by what is stored of it and by who called. */
import { describe, expect, it } from "vitest";
import { StarterKind } from "../../../../gen/workflows/ops/v1/starters_pb.ts";
import { readCaller } from "../../../../src/collaborators/identity/read-caller.ts";
import type { Run } from "../../../../src/engine/values/run.ts";
import { startedByOf } from "../../../../src/ingress/rpc/actor.ts";
import { starterKindOf } from "../../../../src/ingress/rpc/starter-messages.ts";

type Started = Pick<Run, "triggerType" | "triggerEventId" | "triggerSource"> & Partial<Run>;

const NOTHING = { triggerType: "MANUAL", triggerEventId: "", triggerSource: "" } as const;
const { API, ENDPOINT, MANUAL, SCHEDULE, TRIGGER, WORKFLOW } = StarterKind;

describe("starter_kind", () => {
  const rows: [what: string, run: Started, kind: StarterKind][] = [
    ["a person's StartRun", NOTHING, MANUAL],
    ["an agent's StartRun", { ...NOTHING, startedBy: "agent" }, API],
    [
      "a service's StartRun of a WEBHOOK",
      { ...NOTHING, triggerType: "WEBHOOK", startedBy: "service" },
      API,
    ],
    [
      "a step of another run",
      {
        ...NOTHING,
        triggerType: "WORKFLOW",
        parentStep: { index: 0, attempt: 1, child: 0, depth: 1 },
      },
      WORKFLOW,
    ],
    ["an event", { triggerType: "EVENT", triggerEventId: "e", triggerSource: "crm" }, TRIGGER],
    [
      "a slot of a version's trigger",
      { triggerType: "SCHEDULE", triggerEventId: "schedule:wf_1:t", triggerSource: "workflows" },
      TRIGGER,
    ],
    [
      "a slot of a schedule",
      { triggerType: "SCHEDULE", triggerEventId: "schedule:wsc_1:t", triggerSource: "workflows" },
      SCHEDULE,
    ],
    [
      "RunNow",
      { triggerType: "SCHEDULE", triggerEventId: "run-now:wsc_1:x", triggerSource: "workflows" },
      SCHEDULE,
    ],
    [
      "a webhook",
      { triggerType: "WEBHOOK", triggerEventId: "d", triggerSource: "endpoint:whk_1" },
      ENDPOINT,
    ],
  ];
  it.each(rows)("of a run by %s", (_, run, kind) => {
    expect(starterKindOf(run as Run)).toBe(kind);
  });
});

describe("who called StartRun", () => {
  const caller = (isAgent: boolean, isService: boolean) =>
    readCaller({ subject: "x", workspaceId: "ws", words: [], isAgent, isService });
  const rows: [
    what: string,
    of: ReturnType<typeof caller>,
    named: string,
    by: string | undefined,
  ][] = [
    ["a person's token", caller(false, false), "", undefined],
    ["a person's token, for an agent", caller(false, false), "agent_1", undefined],
    ["an agent's token", caller(true, false), "", "agent"],
    ["a service's token", caller(false, true), "agent_1", "service"],
    ["no token, for an agent", undefined, "agent_1", "agent"],
    ["no token", undefined, "", undefined],
  ];
  it.each(rows)("%s", (_, of, named, by) => {
    expect(startedByOf({ caller: of }, named)).toBe(by);
  });
});
