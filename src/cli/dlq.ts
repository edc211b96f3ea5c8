/** `workflows dlq`: messages that were put aside, as a list; retried or discarded by their ids. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type DeadLetter,
  DeadLetterSchema,
  LetterEnd,
  RetryOutcome,
  type RetryResult,
  RetryResultSchema,
} from "../../gen/workflows/ops/v1/dead_letters_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { timeText } from "./output.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

type Action = (service: Service, ids: readonly string[], call: Call) => Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = { list, retry, discard };

/** The first argument says what is done. */
export async function run(call: Call): Promise<number> {
  const [name = "", ...ids] = call.args;
  const act = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (act === undefined) {
    const names = Object.keys(ACTIONS);
    throw usageFault(`"${name}" is not among ${names.join(", ")}${nearest(name, names)}`);
  }
  if (act === list && ids.length > 0) throw usageFault("list takes no ids");
  if (act !== list && ids.length === 0) throw usageFault(`${name} needs ids: workflows dlq list`);
  return act(connectService(await readSettings(call.options), textOption(call, "key")), ids, call);
}

/** Newest first. */
async function list(service: Service, _ids: readonly string[], call: Call): Promise<number> {
  const { out } = call;
  const { deadLetters, totalSize } = await service.runs.listDeadLetters({
    workspaceId: service.settings.workspace,
    unattributed: flagOption(call, "unattributed"),
    settled: flagOption(call, "settled"),
    pageSize: readCount(call, "limit") ?? 20,
  });
  if (out.json) for (const letter of deadLetters) out.object(jsonOf(letter));
  else if (out.quiet) for (const letter of deadLetters) out.line(letter.id);
  else {
    out.table(["ID", "REASON", "SUBJECT", "PUT ASIDE", "PROBLEM", "END"], deadLetters.map(rowOf));
    if (deadLetters.length === 0) out.talk("no message is put aside");
    else if (totalSize > deadLetters.length)
      out.talk(`${deadLetters.length} of ${totalSize}; --limit shows more`);
  }
  return EXIT.done;
}

/** Ends with 1 when a message stays put aside. */
async function retry({ runs }: Service, ids: readonly string[], call: Call): Promise<number> {
  const { out } = call;
  const reason = textOption(call, "reason") ?? "";
  const { results } = await runs.retryDeadLetters({ ids: [...ids], reason });
  if (out.json) for (const each of results) out.object(resultJson(each));
  else if (out.quiet) for (const each of results) out.line(each.id);
  else {
    const rows = results.map(({ id, outcome, problem }) => [
      id,
      nameOf(RetryOutcome, outcome),
      problem,
    ]);
    out.table(["ID", "OUTCOME", "PROBLEM"], rows);
  }
  const isDone = ({ outcome }: RetryResult) =>
    outcome === RetryOutcome.RETRIED || outcome === RetryOutcome.SETTLED;
  return results.every(isDone) ? EXIT.done : EXIT.failed;
}

async function discard({ runs }: Service, ids: readonly string[], call: Call): Promise<number> {
  const reason = textOption(call, "reason") ?? "";
  const { discarded } = await runs.discardDeadLetters({ ids: [...ids], reason });
  const { out } = call;
  if (out.json) out.object({ discarded });
  else if (!out.quiet) out.line(`${discarded} discarded`);
  return EXIT.done;
}

function jsonOf(letter: DeadLetter): Json {
  return toJson(DeadLetterSchema, letter, { useProtoFieldName: true }) as Json;
}

function resultJson(result: RetryResult): Json {
  return toJson(RetryResultSchema, result, { useProtoFieldName: true }) as Json;
}

function rowOf(letter: DeadLetter): string[] {
  const { id, reason, subject, putAsideAt, problem, end, endedBy, endedVia } = letter;
  const at = timeText(putAsideAt === undefined ? undefined : timestampDate(putAsideAt));
  const through = endedVia === "" ? "" : ` through ${endedVia}`;
  const ended =
    end === LetterEnd.UNSPECIFIED ? "" : `${nameOf(LetterEnd, end)} ${endedBy}${through}`;
  return [id, reason, subject, at, problem, ended.trim()];
}
