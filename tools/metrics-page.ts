/**
 * The page docs/metrics.md: every counter that src/ counts and every gauge, with its labels and their values as the compiler knows them.
 *
 * Boundary: makes text; `npx tsx tools/make-pages.ts` writes it, a test compares it. Throws on a counter without a meaning
 * below, and on a meaning without a counter.
 */
import { join } from "node:path";
import ts from "typescript";
import { projectRoot } from "./run-command.ts";

const MEANINGS: Readonly<Record<string, string>> = {
  workflows_batches_published_again_total:
    "Batches of events published again, because the stream lost them.",
  workflows_callers_refused_total: "Calls refused for their token, scope or workspace.",
  workflows_checks_total: "Polls of the owners of steps that are in flight for a long time.",
  workflows_collaborators_gone_without_total:
    "Look-ups that a collaborator did not answer; the run goes on without the answer.",
  workflows_connections_cut_off_total: "Connections closed because they do not read their answers.",
  workflows_dead_letters_total: "Messages put into the dead letters.",
  workflows_dead_letters_without_body_total:
    "Dead letters too large for their stream: sent there without the body. The database has it.",
  workflows_endpoint_deliveries_total: "Webhooks that were posted to endpoints.",
  workflows_events_delayed_total:
    "Deliveries given back because the database or a service was away or a queue was full; they are redelivered.",
  workflows_events_failed_total: "Deliveries whose handling failed; they are redelivered.",
  workflows_decisions_unpublished_total:
    "Events of decisions that the stream did not store, with APPROVALS_URL=builtin; each is tried again.",
  workflows_events_ignored_total: "Events that were read and changed nothing, by reason.",
  workflows_events_kept_total: "Events stored because a wait may look back for them.",
  workflows_events_skipped_total:
    "Runs whose events could not be made. It is a fault of the service: look for the log line.",
  workflows_filters_failed_total:
    "Conditions and filters that could not be evaluated and counted as false.",
  workflows_healed_total:
    "Steps that ended by polling their owner, because no event reported the end.",
  workflows_messages_in_total: "Messages read from the bus.",
  workflows_notifications_total: "Tries to send a notification, with NOTIFICATIONS_URL=builtin.",
  workflows_reports_early_total:
    "Reports about an object whose id the service does not know yet; they are stored until it does.",
  workflows_reports_shared_total:
    "Reports that came to this replica and were taken by the one that made their call.",
  workflows_retention_deleted_total: "Rows deleted by retention, by kind.",
  workflows_retention_failures_total: "Sweeps of retention that failed and are repeated.",
  workflows_schedule_slots_skipped_total: "Slots of schedules that were missed and skipped.",
  workflows_schedule_slots_started_total: "Slots of schedules that started a run.",
  workflows_starts_dropped_total:
    "Starts that were refused because their workflow has as many open runs as it may.",
  workflows_triggers_missed_total:
    "Triggers that came while their workflow was paused, by what became of them: `dropped` or `queued`.",
  workflows_task_results_total: "Results of workers that were read.",
  workflows_tasks_sent_again_total:
    "Tasks to publish again: because their stream lost them, or because a worker gave them back, counted at each delivery of a return.",
  workflows_tasks_sent_total: "Tasks that the stream of a queue has taken.",
  workflows_tokens_not_judged_total:
    "Tokens that could not be checked, because identity or the keys were away.",
};

/** Gauges with their labels. */
const GAUGES: readonly (readonly [name: string, labels: string, meaning: string])[] = [
  [
    "workflows_queue_messages",
    "`queue`; `workspace`",
    "Messages of a queue that are not answered, every 15 s.",
  ],
  ["workflows_queue_oldest_seconds", "`queue`; `workspace`", "How long the oldest of them waits."],
  [
    "workflows_queue_workers",
    "`queue`; `workspace`",
    "Workers of a queue with tasks, by their heartbeats of the last 10 s.",
  ],
];

const SOURCE = join(projectRoot, "src");
const METRICS = join(SOURCE, "process", "metrics.ts");

/** A place that counts. */
interface Counted {
  readonly name: string;
  /** Values of each label; undefined where any text may come. */
  readonly labels: ReadonlyMap<string, readonly string[] | undefined>;
}

/** The text of docs/metrics.md. */
export function metricsPage(): string {
  const counted = findCounted();
  const names = [...new Set(counted.map(({ name }) => name))].sort();
  const unknown = names.filter((name) => MEANINGS[name] === undefined);
  const unused = Object.keys(MEANINGS).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`say in ${import.meta.filename} what they count: ${unknown}`);
  if (unused.length > 0) throw new Error(`counted nowhere: ${unused}`);
  return [
    "# Metrics",
    "",
    "`npx tsx tools/make-pages.ts` makes this page from the code. Do not edit it.",
    "",
    "`GET /metrics` gives the counters of one replica since its start, in the Prometheus text format. A counter appears once",
    'it was counted. Past 200 label sets of one counter, further ones are the series `{series="others"}`.',
    "",
    "| counter | labels | meaning |",
    "| --- | --- | --- |",
    ...names.map((name) => {
      const places = counted.filter((each) => each.name === name);
      return `| \`${name}\` | ${labelsOf(places)} | ${MEANINGS[name]} |`;
    }),
    "",
    "| gauge | labels | meaning |",
    "| --- | --- | --- |",
    ...GAUGES.map(([name, labels, meaning]) => `| \`${name}\` | ${labels} | ${meaning} |`),
    "",
  ].join("\n");
}

function labelsOf(places: readonly Counted[]): string {
  const keys = [...new Set(places.flatMap(({ labels }) => [...labels.keys()]))].sort();
  return keys
    .map((key) => {
      const values = places.map(({ labels }) => labels.get(key));
      if (values.includes(undefined)) return `\`${key}\``;
      const known = [...new Set(values.flatMap((each) => each ?? []))].sort();
      return `\`${key}\`: ${known.join(", ")}`;
    })
    .join("; ");
}

/** Every call of the function `count` of process/metrics.ts under src/. */
function findCounted(): Counted[] {
  const program = readSources();
  const checker = program.getTypeChecker();
  const found: Counted[] = [];
  const walk = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isCount(checker, node)) found.push(readCall(checker, node));
    ts.forEachChild(node, walk);
  };
  for (const source of program.getSourceFiles()) {
    if (source.fileName.startsWith(SOURCE) && source.text.includes("count(")) walk(source);
  }
  return found;
}

/** The program without its packages: values of labels are declared in src/, and most of the time would go into packages. */
function readSources(): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, containingFile, _, given) =>
    literals.map(({ text }) =>
      text.startsWith(".") && !text.includes("/gen/")
        ? ts.resolveModuleName(text, containingFile, given, host)
        : { resolvedModule: undefined },
    );
  return ts.createProgram([join(SOURCE, "main.ts")], options, host);
}

function isCount(checker: ts.TypeChecker, call: ts.CallExpression): boolean {
  if (!ts.isIdentifier(call.expression) || call.expression.text !== "count") return false;
  const declared = checker.getResolvedSignature(call)?.declaration;
  return declared?.getSourceFile().fileName === METRICS;
}

function readCall(
  checker: ts.TypeChecker,
  { arguments: [name, labels] }: ts.CallExpression,
): Counted {
  if (name === undefined || !ts.isStringLiteral(name))
    throw new Error("a counter has no literal name");
  const properties =
    labels !== undefined && ts.isObjectLiteralExpression(labels) ? labels.properties : [];
  return {
    name: name.text,
    labels: new Map(
      properties.map((property) => [property.name?.getText() ?? "", valuesOf(checker, property)]),
    ),
  };
}

function valuesOf(
  checker: ts.TypeChecker,
  property: ts.ObjectLiteralElementLike,
): string[] | undefined {
  const type = ts.isShorthandPropertyAssignment(property)
    ? checker.getTypeAtLocation(property.name)
    : ts.isPropertyAssignment(property)
      ? checker.getTypeAtLocation(property.initializer)
      : undefined;
  const parts = type === undefined ? [] : type.isUnion() ? type.types : [type];
  const values = parts.flatMap((part) => (part.isStringLiteral() ? [part.value] : []));
  return values.length > 0 && values.length === parts.length ? values : undefined;
}
