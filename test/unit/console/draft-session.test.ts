/** A draft while it is typed: each text is saved over the one that it was made from, and over no other one. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import {
  type DraftStore,
  startDraftSession,
} from "../../../console/src/parts/workflows/draft/draft-session.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import {
  type GetDraftResponse,
  GetDraftResponseSchema,
  SaveDraftResponseSchema,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { WorkflowsError } from "../../../src/client/errors.ts";

const AFTER_MS = 1_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A service with one draft, which checks etags as the real one does. */
class Drafts implements DraftStore {
  text = "first\nsecond\nthird\n";
  layout: JsonObject = { steps: { a: { x: 0, y: 0 } } };
  version = 1;
  isAway = false;
  /** It was published or discarded. */
  isGone = false;
  /** The next save is stored, and its answer is lost. */
  losesAnswer = false;
  /** Called when a save has arrived. */
  onSave: () => void = () => undefined;
  readonly saved: string[] = [];

  async save(text: string, etag: string, layout: JsonObject) {
    this.onSave();
    if (this.isAway) throw failure(Code.Unavailable);
    if (etag !== this.#etag) throw failure(Code.Aborted, "ETAG_MISMATCH");
    this.layout = layout;
    this.isGone = false;
    this.write(text);
    if (this.losesAnswer) {
      this.losesAnswer = false;
      throw failure(Code.DeadlineExceeded);
    }
    return create(SaveDraftResponseSchema, { draft: this.#head, faultCount: 0 });
  }

  async read(): Promise<GetDraftResponse> {
    if (this.isGone) return create(GetDraftResponseSchema, {});
    return create(GetDraftResponseSchema, {
      draft: { ...this.#head, sourceText: this.text, layout: this.layout },
    });
  }

  /** As another person does. */
  write(text: string): void {
    this.text = text;
    this.version += 1;
    this.saved.push(text);
  }

  get #etag(): string {
    return this.isGone ? "" : `e${this.version}`;
  }

  get #head() {
    return { etag: this.#etag, savedBy: "ann", savedAt: timestampFromMs(this.version * 1_000) };
  }
}

function failure(code: Code, reason?: string): WorkflowsError {
  const error = new ConnectError("no", code);
  if (reason !== undefined) {
    error.details.push({
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, { reason, domain: "workflows" }),
    });
  }
  return new WorkflowsError(error);
}

async function begin() {
  const drafts = new Drafts();
  const session = startDraftSession(drafts, await drafts.read(), AFTER_MS);
  return { drafts, session };
}

it("saves once after the last key", async () => {
  const { drafts, session } = await begin();
  session.type("one");
  await vi.advanceTimersByTimeAsync(AFTER_MS - 1);
  session.type("two");
  expect(session.view().state).toBe("typed");
  await vi.advanceTimersByTimeAsync(AFTER_MS);
  expect(drafts.saved).toEqual(["two"]);
  expect(session.view().state).toBe("saved");
});

it("saves a draft that is gone again only when somebody says so", async () => {
  const { drafts, session } = await begin();
  drafts.isGone = true;
  session.type("one");
  await vi.advanceTimersByTimeAsync(AFTER_MS);
  expect(session.view()).toMatchObject({ state: "failed", error: { name: "DraftGone" } });
  session.type("two");
  session.arrange({ a: { x: 5, y: 5 } });
  await vi.advanceTimersByTimeAsync(2 * AFTER_MS);
  expect(drafts.saved).toEqual([]);
  expect(await session.flush()).toBe(true);
  expect(drafts.saved).toEqual(["two"]);
});

it("saves what is typed while a save is under way, over that save", async () => {
  const { drafts, session } = await begin();
  session.type("one");
  drafts.onSave = () => {
    drafts.onSave = () => undefined;
    session.type("two");
  };
  expect(await session.flush()).toBe(true);
  expect(drafts.saved).toEqual(["one", "two"]);
});

it("keeps what was typed when the service is away, and saves it afterwards", async () => {
  const { drafts, session } = await begin();
  drafts.isAway = true;
  session.type("one");
  expect(await session.flush()).toBe(false);
  expect(session.view()).toMatchObject({ state: "failed", text: "one" });
  drafts.isAway = false;
  expect(await session.flush()).toBe(true);
  expect(drafts.text).toBe("one");
});

it("overwrites nothing of another person before somebody has chosen", async () => {
  const { drafts, session } = await begin();
  drafts.write("FIRST\nsecond\nthird\n");
  session.type("first\nsecond\nTHIRD\n");
  expect(await session.flush()).toBe(false);
  session.type("first\nsecond\nTHIRD!\n");
  await vi.advanceTimersByTimeAsync(10 * AFTER_MS);
  expect(drafts.text).toBe("FIRST\nsecond\nthird\n");
  const { state, merged, theirs } = session.view();
  expect([state, theirs?.savedBy]).toEqual(["other", "ann"]);
  expect(merged).toBe("FIRST\nsecond\nTHIRD!\n");
  expect(await session.goOnWith(merged ?? "")).toBe(true);
  expect(drafts.text).toBe("FIRST\nsecond\nTHIRD!\n");
});

it.each([
  ["theirs", (theirs: string) => theirs, "another\n"],
  ["mine", (_: string, mine: string) => mine, "mine\n"],
])("goes on with %s where both changed the same place", async (_, choose, kept) => {
  const { drafts, session } = await begin();
  drafts.write("another\n");
  session.type("mine\n");
  await session.flush();
  expect(session.view().merged).toBeUndefined();
  const { theirs, text } = session.view();
  expect(await session.goOnWith(choose(theirs?.sourceText ?? "", text))).toBe(true);
  expect(drafts.text).toBe(kept);
  session.type("more\n");
  expect(await session.flush()).toBe(true);
});

it("knows its own text again when the answer to a save was lost", async () => {
  const { drafts, session } = await begin();
  drafts.losesAnswer = true;
  session.type("one");
  await session.flush();
  expect(await session.flush()).toBe(true);
  expect(session.view()).toMatchObject({ state: "saved", theirs: undefined });
});

it("takes what another person saved where nothing was typed here, and no older answer", async () => {
  const { drafts, session } = await begin();
  const older = await drafts.read();
  drafts.write("theirs\n");
  session.receive(await drafts.read());
  expect(session.view().text).toBe("theirs\n");
  session.receive(older);
  expect(session.view().text).toBe("theirs\n");
  session.type("mine\n");
  drafts.write("again\n");
  session.receive(await drafts.read());
  expect(session.view().text).toBe("mine\n");
});

it("saves where steps stand with the text, and keeps it when the text alone changes", async () => {
  const { drafts, session } = await begin();
  session.arrange({ a: { x: 12, y: 24 } });
  await vi.advanceTimersByTimeAsync(AFTER_MS);
  expect(drafts.layout).toEqual({ steps: { a: { x: 12, y: 24 } } });
  session.type("one");
  expect(await session.flush()).toBe(true);
  expect(drafts.layout).toEqual({ steps: { a: { x: 12, y: 24 } } });
});

it("leaves what another editor keeps in the layout", async () => {
  const { drafts, session } = await begin();
  drafts.layout = { steps: {}, view: { zoom: 2 } };
  drafts.write(drafts.text);
  session.receive(await drafts.read());
  session.arrange({ a: { x: 12, y: 24 } });
  expect(await session.flush()).toBe(true);
  expect(drafts.layout).toEqual({ steps: { a: { x: 12, y: 24 } }, view: { zoom: 2 } });
});

it("asks nobody where one of two people has moved steps alone", async () => {
  const { drafts, session } = await begin();
  drafts.layout = { steps: { a: { x: 0, y: 0 }, b: { x: 7, y: 7 } } };
  drafts.write(drafts.text);
  session.type("one");
  expect(await session.flush()).toBe(true);
  expect(drafts.text).toBe("one");
  expect(drafts.layout).toEqual({ steps: { a: { x: 0, y: 0 }, b: { x: 7, y: 7 } } });
  drafts.write("theirs");
  session.arrange({ ...session.view().places, a: { x: 5, y: 5 } });
  expect(await session.flush()).toBe(true);
  expect(session.view()).toMatchObject({ state: "saved", text: "theirs" });
  expect(drafts.layout).toEqual({ steps: { a: { x: 5, y: 5 }, b: { x: 7, y: 7 } } });
});

it("sends no text that is longer than a draft may be, and says so", async () => {
  const { drafts, session } = await begin();
  session.type("x".repeat(2 << 20));
  expect(await session.flush()).toBe(false);
  expect(session.view().error).toMatchObject({
    message: "The text has 2048 KiB, and a draft has 512 at most",
  });
  expect(drafts.saved).toEqual([]);
  session.type("short");
  expect(await session.flush()).toBe(true);
});
