/**
 * The prompts service: which version of a prompt a label stands for.
 *
 * Boundary: one RPC over the script. A script without prompts has every prompt, under every label.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { PromptService, type Version, VersionSchema } from "../../gen/prompts/v1/prompts_pb.ts";
import type { Routes, Stage } from "./stage.ts";

/** PromptService. */
export function servePrompts(stage: Stage): Routes {
  return (router) =>
    router.service(PromptService, {
      resolve({ name, label }) {
        const version = findVersion(stage, name, label);
        if (version !== undefined) return { version: renderVersion(name, version) };
        throw new ConnectError(`no version of prompt ${name} is labelled ${label}`, Code.NotFound);
      },
    });
}

function findVersion({ script }: Stage, name: string, label: string): number | undefined {
  if (script.prompts === undefined) return 1;
  const labels = new Map(
    Object.entries(script.prompts.find((prompt) => prompt.name === name)?.labels ?? {}),
  );
  return labels.get(label);
}

function renderVersion(name: string, version: number): Version {
  return create(VersionSchema, {
    id: `prv_${name}_${version}`,
    promptId: `prm_${name}`,
    version,
    content: `Prompt ${name}, version ${version}.`,
    author: "sandbox",
  });
}
