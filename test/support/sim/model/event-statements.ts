/** Statements of routing: who wants an event, and what is kept of events (store/event-readers.ts, events.ts). */
import { ANY_EQUALS } from "../../../../src/store/event-readers.ts";
import { KEPT_A_PAGE } from "../../../../src/store/events.ts";
import type { EarlyRow, KeptRow, StepRow } from "./rows.ts";
import { frozen } from "./rows.ts";
import { type At, by, type ModelStatements, zip } from "./statement.ts";

type EventToKeep = Pick<
  KeptRow,
  "workspaceId" | "source" | "type" | "subject" | "time" | "data"
> & {
  readonly id: string;
  readonly extensions?: Record<string, string>;
  readonly equals?: string[];
  readonly arrivedAtMs?: number;
};
type ReportToKeep = Pick<EarlyRow, "workspaceId" | "objectId" | "eventId" | "report">;
type ObjectProbe = [place: number, workspaceId: string, kind: string, id: string];
type WaitProbe = [
  place: number,
  workspaceId: string,
  key: string,
  id: string,
  source: string,
  equals: string,
];
type Texts = readonly string[];
type ObjectValues = [readonly number[], Texts, Texts, Texts];
type WaitValues = [readonly number[], Texts, Texts, Texts, Texts, Texts];
type KeptProbe = [
  place: number,
  workspaceId: string,
  type: string,
  subject: string,
  equals: string,
  ms: number,
  seq: number,
];
type Numbers = readonly number[];

/** What is published in the worlds is published before they begin. */
export const EDITION = "00000000-0000-4000-8000-000000000000";
const MAKING = {
  objective: "create_objective",
  delegation: "delegate",
  approval: "request_approval",
};

/** See the file's head. */
export const eventStatements: ModelStatements = {
  find_wait_patterns: findWaitPatterns,
  find_triggers: findTriggers,
  find_catalogue_edition: () => [{ edition: EDITION }],
  list_catalogue_keys: listKeys,
  find_reported(at, values: ObjectValues) {
    const objects = zip(...values);
    return [
      { what: "edition", place: -1, runId: "", stepIndex: 0, edition: EDITION },
      ...objects.flatMap((object) => stepsOf(at, object)),
      ...objects.flatMap((object) => openCallOf(at, object)),
    ];
  },
  find_waits: (at, values: WaitValues) => zip(...values).flatMap((probe) => waitsOf(at, probe)),
  keep_events: keepEvents,
  find_kept_events: findKept,
  insert_early_reports: insertEarly,
  find_early_reports: ({ tx, tables }, [workspaceIds, objectIds]: [string[], string[]]) =>
    zip(workspaceIds, objectIds)
      .flatMap(([workspaceId, objectId]) =>
        [...tx.rows(tables.early)].filter(
          (row) => row.workspaceId === workspaceId && row.objectId === objectId,
        ),
      )
      .sort(by(({ seq }) => seq))
      .map(({ workspaceId, objectId, eventId, report }) => ({
        ...{ workspaceId, objectId, eventId, report },
      })),
};

const dots = (key: string) => key.replaceAll("/", ".");

function findWaitPatterns(
  { tx, tables, now }: At,
  [places, workspaces, keys]: [number[], string[], string[]],
) {
  const listening = new Set([...tx.rows(tables.definitions)].map((row) => row.latestVersionId));
  for (const run of tx.rows(tables.runs))
    if (run.completedAt === null) listening.add(run.versionId);
  const patterns = [...tx.rows(tables.waitPatterns)].filter((row) => listening.has(row.versionId));
  const found = zip(places, workspaces, keys).flatMap(([place, workspaceId, key]) =>
    patterns
      .filter((row) => row.workspaceId === workspaceId && dots(row.waitKey) === key)
      .map(({ typePattern, subjectPattern, eventPaths }) => ({
        ...{ place, typePattern, subjectPattern, eventPaths, askedAtMs: now.getTime() },
      })),
  );
  return [...new Map(found.map((row) => [JSON.stringify(Object.values(row)), row])).values()];
}

function listKeys({ tx, tables }: At, [limit]: [number]) {
  const triggers = [...tx.rows(tables.definitions)].map((row) => [row.workspaceId, row.triggerKey]);
  const waits = [...tx.rows(tables.waitPatterns)].map((row) => [row.workspaceId, row.waitKey]);
  const keysOf = (what: string, all: (string | null)[][]) => {
    const found = all.flatMap(([workspaceId = "", key = ""]) =>
      key === null ? [] : [{ what, workspaceId, key: dots(key) }],
    );
    const distinct = new Map(found.map((row) => [JSON.stringify(row), row]));
    return [...distinct.values()]
      .sort(
        by(
          (row) => row.workspaceId ?? "",
          (row) => row.key,
        ),
      )
      .slice(0, limit);
  };
  const edition = { what: "edition", workspaceId: "", key: EDITION };
  return [edition, ...keysOf("trigger", triggers), ...keysOf("wait", waits)];
}

function findTriggers(
  { tx, tables, now }: At,
  [places, workspaces, keys]: [number[], string[], string[]],
) {
  return zip(places, workspaces, keys).flatMap(([place, workspaceId, key]) =>
    [...tx.rows(tables.definitions)].flatMap((row) => {
      const listens = row.listensSince !== null && row.listensSince <= now;
      if (row.workspaceId !== workspaceId || row.triggerKey === null || !listens) return [];
      const version = tx.get(tables.versions, row.latestVersionId ?? "");
      if (dots(row.triggerKey) !== key || version === undefined) return [];
      const { id: versionId, version: number, trigger } = version;
      // No world pauses a definition.
      const isPaused = false;
      return [{ place, definitionId: row.id, versionId, version: number, trigger, isPaused }];
    }),
  );
}

function stepsOf({ tx, tables }: At, [place, workspaceId, kind, id]: ObjectProbe) {
  const columns: Readonly<Record<string, (step: StepRow) => boolean>> = {
    objective: (step) => step.objectiveId === id,
    delegation: (step) => step.delegationId === id,
    approval: (step) => step.approvalRequestId === id,
  };
  const isThere = (step: StepRow) =>
    step.workspaceId === workspaceId &&
    (step.completedAt === null || step.detail?.leftOpen?.includes(id) === true);
  const there = [...tx.rows(tables.steps)].filter(isThere);
  const byOtherId = there.filter((step) => step.ticketIds?.includes(id));
  return [...there.filter((step) => columns[kind]?.(step)), ...byOtherId].map((step) => ({
    what: step.completedAt === null ? "step" : "ended_step",
    ...{ place, runId: step.runId, stepIndex: step.stepIndex },
    edition: null,
  }));
}

/** Not earlier than the wait counts: a repeat of an event that first came before finds no wait. */
function waitsOf(at: At, [place, workspaceId, key, eventId, source, equals]: WaitProbe) {
  const { tx, tables } = at;
  return [...tx.rows(tables.steps)]
    .filter((step) => step.waitKey !== null && step.workspaceId === workspaceId)
    .filter((step) => dots(step.waitKey ?? "") === key)
    .filter(({ waitEquals }) => {
      const own = waitEquals ?? "";
      return own === equals || (own !== "" && equals === ANY_EQUALS);
    })
    .filter((step) => !cameBefore(at, step, eventId, source))
    .map(({ runId, stepIndex, detail, xmin }) => ({
      ...{ place, runId, stepIndex, rowVersion: xmin },
      typePattern: detail?.wait?.typePattern ?? "",
      subjectPattern: detail?.wait?.subjectPattern ?? "",
    }));
}

function cameBefore({ tx, tables }: At, step: StepRow, eventId: string, source: string): boolean {
  const run = tx.get(tables.runs, step.runId);
  if (run === undefined) return false;
  const sinceMs = step.detail?.wait?.sinceMs ?? run.createdAt.getTime();
  return [...tx.rows(tables.kept)].some(
    (kept) =>
      kept.workspaceId === step.workspaceId &&
      kept.eventId === eventId &&
      (kept.source === source || kept.source === "" || source === "") &&
      kept.arrivedAt.getTime() < sinceMs,
  );
}

function openCallOf({ tx, tables }: At, [place, workspaceId, kind]: ObjectProbe) {
  const making = new Map(Object.entries(MAKING)).get(kind);
  const isOpen = [...tx.rows(tables.effects)].some(
    (call) => call.workspaceId === workspaceId && call.kind === making,
  );
  const none = { runId: "", stepIndex: 0, edition: null };
  return isOpen ? [{ what: "open_call", place, ...none }] : [];
}

/** Keeps events, as a statement and as a part of one that saves a batch. */
export async function keepEvents({ tx, tables, now }: At, [events]: [string]) {
  const wanted: EventToKeep[] = JSON.parse(events);
  // As in Postgres, `not exists` sees what was there before the statement.
  const before = [...tx.rows(tables.kept)];
  for (const { id: eventId, extensions = null, equals = null, arrivedAtMs, ...event } of wanted) {
    const arrivedAt = arrivedAtMs === undefined ? now : new Date(arrivedAtMs);
    const { workspaceId, source } = event;
    const isKept = before.some(
      (kept) =>
        kept.workspaceId === workspaceId &&
        kept.eventId === eventId &&
        (kept.source === "" || source === ""),
    );
    if (isKept) continue;
    tx.shared.lastEvent += 1;
    const row = { ...event, seq: tx.shared.lastEvent, eventId, extensions, equals, arrivedAt };
    await tx.insert(tables.kept, `${workspaceId}|${eventId}|${source}`, frozen(row));
  }
  return [];
}

function findKept(
  { tx, tables }: At,
  values: [Numbers, Texts, Texts, Texts, Texts, Numbers, Numbers],
) {
  const probes: KeptProbe[] = zip(...values);
  return probes.flatMap(([place, workspaceId, type, subject, equal, ms, seq]) =>
    [...tx.rows(tables.kept)]
      .filter((row) => row.workspaceId === workspaceId && isAfter(row, ms, seq))
      .filter((row) => {
        if (equal !== "") return row.equals === null || row.equals.includes(equal);
        if (subject !== "") return dots(row.subject) === subject;
        return type === "" || dots(row.type) === type;
      })
      .sort(
        by(
          (row) => row.arrivedAt.getTime(),
          (row) => row.seq,
        ),
      )
      .slice(0, KEPT_A_PAGE)
      .map(({ arrivedAt, eventId: id, equals: _, xmin: __, ...row }) => ({
        ...row,
        ...{ place, id, arrivedAtMs: arrivedAt.getTime() },
      })),
  );
}

function isAfter({ arrivedAt, seq }: KeptRow, afterMs: number, afterSeq: number): boolean {
  const ms = arrivedAt.getTime();
  return ms > afterMs || (ms === afterMs && seq > afterSeq);
}

function insertEarly({ tx, tables, now }: At, [reports]: [string]) {
  const wanted: ReportToKeep[] = JSON.parse(reports);
  const before = [...tx.rows(tables.early)];
  for (const report of wanted) {
    const isKept = before.some(
      ({ workspaceId, objectId, eventId }) =>
        workspaceId === report.workspaceId &&
        objectId === report.objectId &&
        eventId === report.eventId,
    );
    if (isKept) continue;
    tx.shared.lastEvent += 1;
    const seq = tx.shared.lastEvent;
    tx.put(tables.early, String(seq), { ...frozen(report), seq, arrivedAt: now });
  }
  return [];
}
