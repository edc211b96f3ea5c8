/** workflows.ops.v1.Templates, as a table: which function answers which RPC. Boundary: as service.ts. */
import type { ServiceImpl } from "@connectrpc/connect";
import { Templates } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { doneOnce, namedWorkspace } from "./done-once.ts";
import { answerDeleteTemplate, readSavedTemplate, saveTemplateWith } from "./saved-templates.ts";
import { reading } from "./service.ts";
import type { ServiceParts } from "./service-parts.ts";
import {
  answerGetTemplate,
  answerListTemplates,
  installTemplateWith,
  readInstalled,
} from "./templates.ts";

/** Templates, over the service's parts. */
export function templatesService(parts: ServiceParts): ServiceImpl<typeof Templates> {
  return {
    list: reading(parts, answerListTemplates),
    get: reading(parts, answerGetTemplate),
    install: doneOnce(parts, Templates.method.install, {
      workspaceOf: namedWorkspace,
      answer: installTemplateWith(parts.sources),
      answerAgain: readInstalled,
    }),
    save: doneOnce(parts, Templates.method.save, {
      workspaceOf: namedWorkspace,
      answer: saveTemplateWith(parts.sources),
      answerAgain: readSavedTemplate,
    }),
    delete: doneOnce(parts, Templates.method.delete, {
      workspaceOf: namedWorkspace,
      answer: answerDeleteTemplate,
      answerAgain: async () => ({}),
    }),
  };
}
