/**
 * Receivers of notifications on loopback: a real SMTP server, and an HTTP server for webhooks.
 * Boundary: they keep what came, and fail as a test says; nothing of the service is known here.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** An e-mail that was accepted or refused. */
interface ReceivedMail {
  readonly to: readonly string[];
  readonly raw: string;
  /** The reply's code; 250: accepted. */
  readonly code: number;
}

/** A request that came. */
interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly [name: string]: unknown };
}

/**
 * Starts an SMTP server; `codeOf` gives the code for the n-th e-mail (from 1) to an address once its content is there, `more`
 * what the server asks before.
 */
export async function startMailServer(
  codeOf: (to: string, nth: number) => number | Promise<number> = () => 250,
  more: SMTPServerOptions = {},
) {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    onData(stream, session, callback) {
      const to = session.envelope.rcptTo.map(({ address }) => address);
      text(stream).then(async (raw) => {
        const [first = ""] = to;
        const nth = mails.filter((mail) => mail.to.includes(first)).length + 1;
        const code = await codeOf(first, nth);
        // Quoted-printable breaks long lines.
        mails.push({ to, raw: raw.replaceAll("=\r\n", ""), code });
        if (code === 250) callback();
        else callback(Object.assign(new Error("not now"), { responseCode: code }));
      }, callback);
    },
    ...more,
  });
  server.on("error", () => {});
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** In place of a status: no answer, and a connection that breaks. */
export const [HANGS, BREAKS] = [0, -1];

/** Starts an HTTP server; `statusOf` gives the status for the n-th request (from 1) to a path. */
export async function startHookServer(statusOf: (path: string, nth: number) => number = () => 200) {
  const posts: ReceivedPost[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    text(request).then((body) => {
      posts.push({ path, headers: request.headers, body: JSON.parse(body) });
      const status = statusOf(path, posts.filter((post) => post.path === path).length);
      if (status === HANGS) return;
      if (status === BREAKS) return void request.socket.destroy();
      response.writeHead(status, status === 302 ? { location: "/followed" } : {}).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    posts,
    stop() {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
