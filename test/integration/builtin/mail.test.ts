/** What the tries of e-mails come to, by what a real SMTP server says or does not say. */
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createSender, type Sender } from "../../../src/builtin/notifications/send.ts";
import type { DueNotification } from "../../../src/store/notifications.ts";
import { startMailServer } from "../../support/services/message-receivers.ts";

const LONG_MS = 20_000;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(...of: Parameters<typeof startMailServer>) {
  const server = await startMailServer(...of);
  ends.push(() => server.stop());
  return server;
}

function senderTo(url: string, tryMs: number): Sender {
  const sender = createSender({ url, from: "workflows@example.com" }, tryMs);
  ends.push(() => sender.close());
  return sender;
}

function send(sender: Sender, to: string) {
  const of = { id: `ntf_${to}`, place: 1, workspaceId: "ws", recipient: to, createdAt: new Date() };
  const texts = { subject: "s", body: "hi", link: "", metadataJson: "" };
  const rest = { priority: 0, category: 0, attempts: 1, isGivenUp: false, ageMs: 0 };
  const message: DueNotification = { ...of, ...texts, ...rest };
  return sender.send(message, { kind: "email", to });
}

const failed = (error: string, mayRetry: boolean, isUnsure = false) => ({
  ...{ ok: false, error, mayRetry, isUnsure },
});
const refusal = (responseCode: number) => Object.assign(new Error("no"), { responseCode });

describe("an e-mail is tried again", () => {
  it("after a refused login", async () => {
    const { url } = await start(() => 250, {
      ...{ authOptional: false, allowInsecureAuth: true },
      onAuth: (_auth, _session, done) => done(refusal(535)),
    });
    const sender = senderTo(url.replace("//", "//user:wrong@"), LONG_MS);
    expect(await send(sender, "a@example.com")).toEqual(failed("SMTP 535", true));
  });

  it("where the server asks for a login at its sender", async () => {
    const { url } = await start(() => 250, {
      onMailFrom: (_address, _session, done) => done(refusal(530)),
    });
    expect(await send(senderTo(url, LONG_MS), "a@example.com")).toEqual(failed("SMTP 530", true));
  });

  it("where the server greets with a fault", async () => {
    const { url } = await start(() => 250, { onConnect: (_session, done) => done(refusal(554)) });
    expect(await send(senderTo(url, LONG_MS), "a@example.com")).toEqual(failed("SMTP 554", true));
  });
});

it("is refused for good where the sender, the recipient or the content is", async () => {
  const { url } = await start((to) => (to.startsWith("large@") ? 552 : 451), {
    onRcptTo: ({ address }, _session, done) =>
      address.startsWith("gone@") ? done(refusal(550)) : done(),
  });
  const sender = senderTo(url, LONG_MS);
  expect(await send(sender, "gone@example.com")).toEqual(failed("SMTP 550", false));
  expect(await send(sender, "large@example.com")).toEqual(failed("SMTP 552", false));
  expect(await send(sender, "busy@example.com")).toEqual(failed("SMTP 451", true));
  const other = await start(() => 250, {
    onMailFrom: (_address, _session, done) => done(refusal(550)),
  });
  expect(await send(senderTo(other.url, LONG_MS), "a@example.com")).toEqual(
    failed("SMTP 550", false),
  );
});

describe("a slow server", () => {
  it("gets four e-mails at once, and none of them after its try", async () => {
    const came: string[] = [];
    let release = (_code: number) => {};
    const code = new Promise<number>((resolve) => {
      release = resolve;
    });
    const { url } = await start((to) => {
      came.push(to);
      return code;
    });
    const sender = senderTo(url, 2_000);
    const tries = await Promise.all(
      Array.from({ length: 12 }, (_, n) => send(sender, `slow${n}@example.com`)),
    );
    const late = failed("no answer in time", true, true);
    const waited = failed("e-mails before it take too long", true);
    expect(tries.slice(0, 4)).toEqual([late, late, late, late]);
    expect(tries.slice(4)).toEqual(Array.from({ length: 8 }, () => waited));
    release(250);
    expect(await send(sender, "last@example.com")).toEqual({ ok: true });
    expect(came.toSorted()).toEqual([
      "last@example.com",
      ...[0, 1, 2, 3].map((n) => `slow${n}@example.com`),
    ]);
  });

  it("has no e-mail whose content did not leave", async () => {
    const { url } = await start(() => 250, { onRcptTo: () => {} });
    const late = failed("no answer in time", true);
    expect(await send(senderTo(url, 1_000), "a@example.com")).toEqual(late);
  });
});

it("may have arrived where the connection breaks after its content", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write("220 here\r\n");
    let isContent = false;
    socket.on("data", (bytes) => {
      const text = bytes.toString();
      if (isContent && text.endsWith("\r\n.\r\n")) return void socket.destroy();
      if (isContent) return;
      isContent = text.startsWith("DATA");
      socket.write(isContent ? "354 go on\r\n" : "250 ok\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const sent = await send(senderTo(`smtp://127.0.0.1:${port}`, LONG_MS), "a@example.com");
  expect(sent).toMatchObject({ ok: false, mayRetry: true, isUnsure: true });
});
