/**
 * The skills service: which skills there are, and whose.
 *
 * Boundary: one RPC over the script. A script without skills has every skill, for everybody.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { SkillSchema, SkillScope, SkillService } from "../../gen/skills/v1/skills_pb.ts";
import type { ScriptedSkill } from "./script.ts";
import type { Routes, Stage } from "./stage.ts";

/** SkillService. */
export function serveSkills(stage: Stage): Routes {
  return (router) =>
    router.service(SkillService, {
      get({ id }) {
        const skill = findSkill(stage, id);
        if (skill === undefined) throw new ConnectError(`no skill ${id}`, Code.NotFound);
        const { workspaceId = "", name = id } = skill;
        const scope = workspaceId === "" ? SkillScope.GLOBAL : SkillScope.WORKSPACE;
        return { skill: create(SkillSchema, { id, workspaceId, name, scope, currentVersion: 1 }) };
      },
    });
}

function findSkill({ script }: Stage, id: string): ScriptedSkill | undefined {
  return script.skills === undefined ? { id } : script.skills.find((skill) => skill.id === id);
}
