/**
 * The invariant checker (tools/verify/) over a story that went well, and over copies of it that a test spoils.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the service is a process of its own.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Invariant, Report } from "../../tools/verify/report.ts";
import { type VerifyOptions, verifyAll } from "../../tools/verify/verify-all.ts";
import { playStory, type Story } from "../support/services/verified-story.ts";

let story: Story;

beforeAll(async () => {
  story = await playStory();
});
afterAll(() => story?.world.stop());

/** Everything that the story knows of itself. */
function known(): VerifyOptions {
  const { world, runs } = story;
  return {
    databaseUrl: world.databaseUrl,
    natsUrl: world.natsUrl,
    acknowledged: Object.values(runs),
    ledgers: world.sandbox.ledgers,
    quiescent: true,
  };
}

function reportOf(reports: readonly Report[], invariant: Invariant): Report {
  const report = reports.find((each) => each.invariant === invariant);
  if (report === undefined) throw new Error(`no report of ${invariant}`);
  return report;
}

/** The violated invariants of a copy on which these statements ran, with their lines. */
async function spoilt(
  statements: readonly string[],
  options: Partial<VerifyOptions> = {},
): Promise<Partial<Record<Invariant, readonly string[]>>> {
  const copy = await story.copy();
  try {
    for (const statement of statements) await copy.query(statement);
    const reports = await verifyAll({ ...known(), databaseUrl: copy.url, ...options });
    const violated = reports.filter(({ verdict }) => verdict === "violated");
    return Object.fromEntries(violated.map((each) => [each.invariant, each.violations]));
  } finally {
    await copy.drop();
  }
}

describe("a story that went well", () => {
  it("breaks nothing", async () => {
    const reports = await verifyAll(known());
    expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
    console.log(JSON.stringify(reports, null, 1));
    expect(reportOf(reports, "I1").counts).toEqual({ "acknowledged runs": 8 });
    expect(reportOf(reports, "I3").counts.runs).toBe(9);
  });
});
