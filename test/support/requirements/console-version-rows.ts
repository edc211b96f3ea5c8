/** What users of an operations console ask for about versions and drafts. */

import { ConnectError } from "@connectrpc/connect";
import { expect } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { ChangeKind, RiskCode, SimulationEnd } from "../../../src/client/index.ts";
import type { Requirement } from "./requirement.ts";
import { as, PACK, refusal, textOf, type WorkflowFile } from "./stage.ts";

const WRAP = { wrap: { task: "Wrap it" } };
const FAULTY = "workflow: orders\nsteps:\n  pack: { tsk: Pack it }\n";

/** In the order of the document. */
export const VERSION_ROWS: readonly Requirement[] = [
  {
    wanted: "A workflow is a graph of steps; a cycle and a step that needs itself are refused",
    state: "works",
    by: "`Workflows.CheckVersion`, `workflows check`",
    async check({ client }) {
      const faultsOf = async (steps: WorkflowFile["steps"]) =>
        (await client.sources.checkVersion({ sourceText: textOf({ steps }) })).faults;
      const cycle = { a: { task: "A", needs: ["b"] }, b: { task: "B", needs: ["a"] } };
      expect((await faultsOf(cycle)).map(({ description }) => description).join()).toContain("->");
      expect(await faultsOf({ a: { task: "A", needs: ["a"] } })).not.toEqual([]);
    },
  },
  {
    wanted:
      "Each publish makes a version that stays as it is; a run keeps the version it began with",
    state: "works",
    by: "`WorkflowService.PublishVersion`, `Workflows.PublishSource`, `GetVersion`, `ListVersionHeads`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(PACK);
      const runId = await stage.start(definitionId);
      await stage.publish({ ...PACK, steps: WRAP });
      expect(await stage.states(runId)).toEqual({ pack: "WAITING" });
      expect(await stage.states(await stage.start(definitionId))).toEqual({ wrap: "WAITING" });
      const { versions } = await sources.listVersionHeads({ definitionId });
      expect(versions.map(({ version }) => version)).toEqual([2, 1]);
      const first = await sources.getVersion({ definitionId, version: 1 });
      expect(first.sourceText).toBe(textOf(PACK));
    },
  },
  {
    wanted: "A draft is saved by itself, with its faults; of two editors the second one is told",
    state: "works",
    by: "`Workflows.SaveDraft` with `etag` and `autosave`, `GetDraft`, `DiscardDraft`, `workflows drafts`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(PACK);
      const save = async (by: string, etag: string, sourceText: string) =>
        sources.saveDraft({ definitionId, etag, sourceText, autosave: true }, as(by));
      const first = await save("ann", "", FAULTY);
      expect(first.faults).toMatchObject([{ path: "steps.pack", line: 3 }]);
      const read = first.draft?.etag ?? "";
      const mended = textOf({ ...PACK, steps: WRAP });
      const stored = (await save("ben", read, mended)).draft?.etag;
      const stale = await refusal(save("ann", read, textOf(PACK)));
      expect(stale).toMatchObject({ code: "ABORTED", reason: "ETAG_MISMATCH" });
      const [info] = ConnectError.from(stale.cause).findDetails(ErrorInfoSchema);
      expect(info?.metadata).toMatchObject({ etag_sent: read, etag_stored: stored });
      const { draft } = await sources.getDraft({ definitionId });
      expect(draft).toMatchObject({ sourceText: mended, savedBy: "unverified:ben" });
      expect(await stage.states(await stage.start(definitionId))).toEqual({ pack: "WAITING" });
      await sources.discardDraft({ definitionId, etag: stored ?? "" });
      expect((await sources.getDraft({ definitionId })).draft).toBeUndefined();
    },
  },
  {
    wanted: "A draft is published, to production or to another environment",
    state: "works",
    by: "`Workflows.PublishDraft`, `workflows drafts publish`",
    async check(stage) {
      const { sources } = stage.client;
      const definitionId = await stage.publish(PACK);
      const save = async (sourceText: string, etag = "") => {
        const { draft } = await sources.saveDraft({ definitionId, etag, sourceText });
        return draft?.etag ?? "";
      };
      const faulty = await save(FAULTY);
      const refused = await refusal(sources.publishDraft({ definitionId, etag: faulty }));
      expect(refused.fields.map(({ field }) => field)).toEqual(["steps.pack"]);
      const etag = await save(textOf({ ...PACK, steps: WRAP }), faulty);
      await sources.publishDraft({ definitionId, etag, deployTo: "staging", note: "why" });
      expect(await stage.deployed(definitionId)).toEqual({ production: 1, staging: 2 });
      const { versions } = await sources.listVersionHeads({ definitionId });
      expect(versions[0]).toMatchObject({ version: 2, note: "why" });
      const next = await save(textOf({ ...PACK, steps: { fold: { task: "Fold it" } } }));
      await sources.publishDraft({ definitionId, etag: next });
      expect(await stage.deployed(definitionId)).toEqual({ production: 3, staging: 2 });
    },
  },
  {
    wanted: "What differs between two versions, or a version and the draft, and what is risky",
    state: "works",
    by: "`Workflows.DiffVersions`, `workflows diff`",
    async check(stage) {
      const { sources } = stage.client;
      const ask = { approve: "Pay", action: "pay", by: ["ann"], timeout: "1d" };
      const first = { steps: { ask, pack: { task: "Pack it" } } };
      const definitionId = await stage.publish(first);
      const second = { steps: { pack: { task: "Pack all" }, ...WRAP } };
      const saved = await sources.saveDraft({ definitionId, sourceText: textOf(second) });
      const { changes, risks } = await sources.diffVersions({ definitionId, toDraft: true });
      const steps = changes.filter(({ id }) => !id.includes("->"));
      expect(steps).toMatchObject([
        { change: ChangeKind.REMOVED, id: "ask" },
        { change: ChangeKind.CHANGED, id: "pack" },
        { change: ChangeKind.ADDED, id: "wrap" },
      ]);
      expect(steps[1]?.fields.map(({ afterJson }) => afterJson).join()).toContain("Pack all");
      expect(risks).toMatchObject([{ code: RiskCode.APPROVAL_REMOVED, stepId: "ask" }]);
      await sources.publishDraft({ definitionId, etag: saved.draft?.etag ?? "" });
      const published = await sources.diffVersions({ definitionId, from: 1, to: 2 });
      expect(published.changes).toEqual(changes);
    },
  },
  {
    wanted: "A draft or a version is tried without effects: its path, why, waits and costs",
    state: "works",
    by: "`Runs.Simulate`, `workflows simulate`",
    async check(stage) {
      const file: WorkflowFile = {
        steps: {
          look: { agent: "a" },
          size: { branch: "look.output.n > 1", on: { true: "rest" }, else: "small" },
          rest: { wait: "3d", next: "end" },
          small: { task: "Small" },
        },
      };
      const mocks = [{ stepId: "look", output: { n: 2 }, costUsd: 0.5 }];
      const { simulation } = await stage.client.runs.simulate({ sourceText: textOf(file), mocks });
      expect(simulation).toMatchObject({ end: SimulationEnd.ENDED, totalCostUsd: 0.5 });
      expect(simulation?.path.map(({ stepId }) => stepId)).toEqual(["look", "size", "rest"]);
      const { startedAt, endedAt, edges = [] } = simulation ?? {};
      expect(Number(endedAt?.seconds) - Number(startedAt?.seconds)).toBe(3 * 86_400);
      const small = edges.find(({ toStepId }) => toStepId === "small");
      expect(small?.reason).toContain("true");
      const { workspaceId } = stage;
      expect((await stage.client.sources.list({ workspaceId })).totalSize).toBe(0);
    },
  },
];
