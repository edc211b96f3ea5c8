/** No call to another service inside a transaction: who opens one has no way to a client. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rooms } from "../../tools/import-table.ts";
import { projectRoot } from "../../tools/run-command.ts";

const OPENS = /\.transaction\(/;
/** Where every call leaves from. */
const CLIENTS = ["src/collaborators/clients.ts", "src/egress/performers/performers.ts"];

function files(): string[] {
  const found = readdirSync(join(projectRoot, "src"), { recursive: true, encoding: "utf8" });
  return found.filter((file) => file.endsWith(".ts")).map((file) => `src/${file}`);
}

/** Whether a file may import one that makes calls. */
function mayCall(file: string): boolean {
  const room = rooms.find((each) => each.files.test(file));
  return CLIENTS.some((path) => room?.files.test(path) || room?.paths.some((p) => p.test(path)));
}

test("nothing that opens a transaction can make a call", () => {
  const openers = files().filter((file) =>
    OPENS.test(readFileSync(join(projectRoot, file), "utf8")),
  );
  expect(openers.length).toBeGreaterThan(8);
  expect(openers.filter(mayCall)).toEqual([]);
  expect(mayCall("src/egress/dispatch/dispatcher.ts")).toBe(true);
});
