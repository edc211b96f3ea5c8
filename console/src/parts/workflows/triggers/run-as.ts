/** Whom a schedule acts for, as people write it: `user:ann`, `group:finance` or `org`, as on the command line. Boundary: words. */
import { type RunAs, RunAsScope } from "../../../../../gen/workflows/ops/v1/schedules_pb.ts";

const WORDS: ReadonlyMap<RunAsScope, string> = new Map([
  [RunAsScope.USER, "user"],
  [RunAsScope.GROUP, "group"],
  [RunAsScope.AGENT, "agent"],
]);

/** What is written for it; "": nobody is named. */
export function runAsText(runAs: RunAs | undefined): string {
  const { scope = RunAsScope.UNSPECIFIED, subject = "" } = runAs ?? {};
  if (scope === RunAsScope.ORG) return "org";
  const word = WORDS.get(scope);
  return word === undefined || subject === "" ? "" : `${word}:${subject}`;
}

/** Whom a text names; an empty one: the caller. Undefined: it names nobody. */
export function readRunAs(text: string): { scope: RunAsScope; subject: string } | undefined {
  if (text === "") return { scope: RunAsScope.UNSPECIFIED, subject: "" };
  if (text === "org") return { scope: RunAsScope.ORG, subject: "" };
  const [, word = "", subject = ""] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  const scope = [...WORDS].find(([, each]) => each === word)?.[0];
  return scope === undefined ? undefined : { scope, subject };
}
