/**
 * Faults of the kinds that such services have had, each as a change of the source: what compiles them in must be caught by
 * the fault suite. The proof that it sees.
 */
import type { SourceEdit } from "../../../tools/test-service.ts";

/** A fault, and what it breaks. */
export interface SeededBug {
  readonly name: string;
  /** The guarantee that it breaks (docs/guarantees.md). */
  readonly breaks: string;
  readonly edits: readonly SourceEdit[];
}

/** All of them. */
export const SEEDED_BUGS: readonly SeededBug[] = [
  {
    name: "acknowledge-before-commit",
    breaks: "G15",
    edits: [
      {
        file: "ingress/bus/handle-batch.ts",
        find: 'await reached("bus.delivered", deps.stream);',
        replace:
          'for (const message of messages) message.ack(); await reached("bus.delivered", deps.stream);',
      },
    ],
  },
  {
    name: "poll-outbox-by-last-id",
    breaks: "G11",
    edits: [
      {
        file: "store/outbox.ts",
        find: "return database.read.query<UnpublishedBatch>(LIST, [partitions, limit]);",
        replace: `return database.read.query(LIST, [partitions, limit]).then((rows) => {
          const newer = rows.filter(({ id }) => id > (globalThis.lastListed ?? 0));
          globalThis.lastListed = Math.max(globalThis.lastListed ?? 0, ...newer.map(({ id }) => id));
          return newer;
        });`,
      },
    ],
  },
  {
    name: "accept-superseded-results",
    breaks: "G9",
    edits: [
      {
        file: "engine/inputs/returned.ts",
        find: "if (isLate(draft, index) || isSuperseded(draft, index, attempt)) {",
        replace: "if (isLate(draft, index)) {",
      },
    ],
  },
  {
    name: "new-key-on-retry",
    breaks: "G6, G7",
    edits: [
      {
        file: "collaborators/clients.ts",
        find: '"idempotency-key": callId,',
        replace: '"idempotency-key": callId + "-" + Math.random(),',
      },
    ],
  },
  {
    name: "claim-calls-at-start-only",
    breaks: "G5",
    edits: [
      {
        file: "egress/dispatch/dispatcher.ts",
        find: "if (leases.stopping) return false;",
        replace: `if (leases.stopping || globalThis.claimedOnce) return false;
          globalThis.claimedOnce = true;`,
      },
    ],
  },
  {
    name: "decide-by-the-process-clock",
    breaks: "G19, G20",
    edits: [
      {
        file: "store/service-reads/due.ts",
        find: "await db.query<DueRow>(FIND_DUE, [",
        replace: `await db.query({
          name: "find_due_" + Date.now(),
          text: FIND_DUE.text.replaceAll("now()", "to_timestamp(" + Date.now() / 1000 + ")"),
        }, [`,
      },
      {
        file: "store/service-reads/next-due.ts",
        find: "await db.query<NextDueRow>(FIND, [",
        replace: `await db.query({
          name: "find_next_due_" + Date.now(),
          text: FIND.text.replaceAll("now()", "to_timestamp(" + Date.now() / 1000 + ")"),
        }, [`,
      },
      {
        file: "store/lock-runs.ts",
        find: "nowMs: Math.max(...found.map((row) => row.nowMs)),",
        replace: "nowMs: Date.now(),",
      },
    ],
  },
  {
    name: "failed-condition-holds",
    breaks: "a condition that cannot be evaluated is not true",
    edits: [
      {
        file: "engine/expression/expression.ts",
        find: "if (!evaluation.ok) return { holds: false, problem: evaluation.problem };",
        replace: "if (!evaluation.ok) return { holds: true, problem: evaluation.problem };",
      },
    ],
  },
  {
    name: "triggers-of-every-workspace",
    breaks: "G25",
    edits: [
      {
        file: "store/event-readers.ts",
        find: "where d.workspace_id = e.workspace_id and d.trigger_key is not null",
        replace: "where d.trigger_key is not null",
      },
      {
        file: "runtime/routing/route-starts.ts",
        find: "if (event.environment !== undefined || keys?.mayListen(event) === false) return [];",
        replace: "if (event.environment !== undefined) return [];",
      },
      {
        file: "runtime/routing/route-starts.ts",
        find: "return keys === undefined ? probes : probes.filter(keys.isTriggers);",
        replace: "return probes;",
      },
    ],
  },
  {
    name: "call-before-commit",
    breaks: "G7, G8",
    edits: [
      {
        file: "runtime/commit-batch.ts",
        find: 'await reached("batch.written");',
        replace: `for (const { done } of written) deps.onCommitted(done.outcome, []);
          await reached("batch.written");`,
      },
    ],
  },
  {
    name: "forget-events-after-their-acknowledgement",
    breaks: "G12",
    edits: [
      {
        file: "egress/publish/lost-events.ts",
        find: "if (loss !== undefined) await queueAgain(info, at, loss);",
        replace: "",
      },
    ],
  },
  {
    name: "retry-refusals",
    breaks: "a refused call fails its attempt",
    edits: [
      {
        file: "collaborators/call-policy.ts",
        find: "if (!isAway(failure) || history.internalAnswers >= INTERNAL_ANSWERS_LIMIT) {",
        replace: "if (history.tries < 0) {",
      },
    ],
  },
  {
    name: "leave-late-objectives-open",
    breaks: "G22",
    edits: [
      {
        file: "engine/steps/agent-action/behaviour.ts",
        find: 'if (result.ok && result.value.kind === "create_objective") {\n    const { objectiveId } = result.value;\n    if (draft.rows.peek(index).objectiveId === objectiveId) return',
        replace:
          'if (result.ok && result.value.kind === "none") {\n    const { objectiveId } = result.value;\n    if (draft.rows.peek(index).objectiveId === objectiveId) return',
      },
    ],
  },
  {
    name: "forget-lost-tasks",
    breaks: "G5",
    edits: [
      {
        file: "egress/tasks/lost-tasks.ts",
        find: 'count("workflows_tasks_sent_again_total", { reason: "lost" });',
        replace: "return;",
      },
    ],
  },
  {
    name: "repeat-a-commit-without-answer",
    breaks: "G2",
    edits: [
      {
        file: "runtime/commit-batch.ts",
        find: "if (!(await wasCommitted(deps.database, sent, error))) throw error;",
        replace: "throw error;",
      },
    ],
  },
];
