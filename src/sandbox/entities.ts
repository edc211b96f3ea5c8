/**
 * The entities service: which canonical entity a record of another system stands for.
 *
 * Boundary: RPCs over the script. A script without entities knows every entity that a caller names,
 * and no record of another system.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type CanonicalEntity,
  CanonicalEntitySchema,
  EntityService,
  EntityType,
} from "../../gen/entities/v1/entities_pb.ts";
import type { EntityKind, ScriptedEntity } from "./script.ts";
import type { Routes, Stage } from "./stage.ts";

const TYPES: Readonly<Record<EntityKind, EntityType>> = {
  contact: EntityType.CONTACT,
  company: EntityType.COMPANY,
  deal: EntityType.DEAL,
  ticket: EntityType.TICKET,
  customer: EntityType.CUSTOMER,
  opportunity: EntityType.OPPORTUNITY,
};

/** EntityService. */
export function serveEntities({ script }: Stage): Routes {
  return (router) =>
    router.service(EntityService, {
      resolve({ workspaceId, integrationId, recordId }) {
        const found = script.entities?.find(
          (entity) =>
            ["", workspaceId].includes(entity.workspaceId ?? "") &&
            entity.records?.some(
              (record) => record.provider === integrationId && record.id === recordId,
            ),
        );
        if (found !== undefined) return { entity: renderEntity(found) };
        throw new ConnectError(`no entity of ${integrationId} ${recordId}`, Code.NotFound);
      },
      getCanonical({ id }) {
        if (script.entities === undefined) return { entity: create(CanonicalEntitySchema, { id }) };
        const found = script.entities.find((entity) => entity.id === id);
        if (found !== undefined) return { entity: renderEntity(found) };
        throw new ConnectError(`no entity ${id}`, Code.NotFound);
      },
    });
}

function renderEntity({ id, workspaceId, kind, records }: ScriptedEntity): CanonicalEntity {
  const primaryType = TYPES[kind];
  return create(CanonicalEntitySchema, {
    id,
    workspaceId: workspaceId ?? "",
    primaryType,
    refs: (records ?? []).map((record) => ({
      integrationId: record.provider,
      recordId: record.id,
      entityType: primaryType,
      confidence: 1,
    })),
  });
}
