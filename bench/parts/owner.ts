/**
 * The owner of objectives as a process: Create answers with an id, and the bus gets the end of the objective at once.
 * Boundary: as lean as such a service can be, for its cost is in every step. Arguments: the address of NATS, and how many ms
 * an end comes after its answer (0: at once).
 *
 * It knows best when a call came, so it measures reactions: from an end on the bus to the next call for the same run.
 */
import { createServer, type IncomingMessage } from "node:http";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { connect } from "nats";
import { AFTER_WAIT, LAST_STEP, NOTE, SEEN_SUBJECT } from "../engines/words.ts";
import { nowMs } from "./clock.ts";
import { serveCommands } from "./commands.ts";

/** What a step asks for: the JSON in the description. */
interface Asked {
  readonly run_id: string;
  readonly step_id: string;
  readonly input?: { readonly id?: string; readonly output?: { readonly id?: string } };
}

const CREATE = "/objectives.v1.ObjectiveService/Create";
const ENDED = "objectives.changes.objective.transition";
const OBJECTIVE_ACTIVE = 2;
/** Fields of the messages of objectives.v1. */
const FIELD = {
  workspace: 1,
  description: 5,
  objective: 1,
  id: 1,
  objectiveWorkspace: 2,
  state: 7,
};
const ID_DIGITS = 12;

const [natsUrl = "", endDelayMs = "0"] = process.argv.slice(2);
const bus = await connect({ servers: natsUrl });
const tag = Date.now().toString(36);
const endedAtMs = new Map<string, number>();
let reactionsMs: number[] = [];
let created = 0;

const server = createServer((request, response) => {
  void bodyOf(request).then((body) => {
    const cameAtMs = nowMs();
    if (request.url !== CREATE) {
      response.writeHead(404).end();
      return;
    }
    const { workspaceId, asked } = parse(body);
    created += 1;
    const id = `obj_${tag}${String(created).padStart(ID_DIGITS, "0")}`;
    const answer = answerOf(id, workspaceId);
    response.writeHead(200, {
      "content-type": "application/proto",
      "content-length": answer.length,
    });
    response.end(answer);
    const finish = () => end(id, workspaceId, asked, cameAtMs);
    if (Number(endDelayMs) > 0) setTimeout(finish, Number(endDelayMs));
    else finish();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1");

serveCommands({
  async port() {
    while (!server.listening) await new Promise((resolve) => setImmediate(resolve));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  },
  /** The reactions since the last time. */
  reactions() {
    const taken = reactionsMs;
    reactionsMs = [];
    return taken;
  },
});

function end(id: string, workspaceId: string, asked: Asked, cameAtMs: number): void {
  const key = asked.input?.id ?? asked.input?.output?.id ?? "";
  const endedMs = endedAtMs.get(asked.run_id);
  if (endedMs !== undefined) reactionsMs.push(cameAtMs - endedMs);
  if (asked.step_id === AFTER_WAIT) {
    bus.publish(SEEN_SUBJECT, JSON.stringify({ id: key, atMs: cameAtMs }));
  }
  // Parallel steps would be compared with each other's ends: only lines of steps are measured.
  const isLine = asked.step_id !== LAST_STEP && /^s\d/.test(asked.step_id);
  if (isLine) endedAtMs.set(asked.run_id, nowMs());
  else endedAtMs.delete(asked.run_id);
  const output = { id: key, ok: true, note: NOTE };
  const data = { id, state: "COMPLETED", cost_usd: 0.001, output_payload: output };
  bus.publish(
    ENDED,
    JSON.stringify({
      specversion: "1.0",
      id: `e-${id}`,
      source: "objectives",
      type: ENDED,
      tenantid: workspaceId,
      datacontenttype: "application/json",
      data,
    }),
  );
}

function parse(body: Buffer): { workspaceId: string; asked: Asked } {
  const reader = new BinaryReader(body);
  let workspaceId = "";
  let description = "{}";
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === FIELD.workspace) workspaceId = reader.string();
    else if (field === FIELD.description) description = reader.string();
    else reader.skip(type, field);
  }
  return { workspaceId, asked: JSON.parse(description) };
}

function answerOf(id: string, workspaceId: string): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(FIELD.objective, WireType.LengthDelimited).fork();
  writer.tag(FIELD.id, WireType.LengthDelimited).string(id);
  writer.tag(FIELD.objectiveWorkspace, WireType.LengthDelimited).string(workspaceId);
  writer.tag(FIELD.state, WireType.Varint).int32(OBJECTIVE_ACTIVE);
  return writer.join().finish();
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
