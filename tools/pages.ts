/** The pages of docs/ and the schema that are made from the code, by path. `npx tsx tools/make-pages.ts` writes them. */
import { workflowFileSchema } from "../src/file/json-schema.ts";
import { apiPage } from "./api-page.ts";
import { cliPage } from "./cli-page.ts";
import { configPage } from "./config-page.ts";
import { errorsPage } from "./errors-page.ts";
import { metricsPage } from "./metrics-page.ts";
import { templatesPage } from "./templates-page.ts";

/** Makes each page's text. */
export const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/api.md": apiPage,
  "docs/cli.md": cliPage,
  "docs/config.md": configPage,
  "docs/errors.md": errorsPage,
  "docs/metrics.md": metricsPage,
  "docs/templates.md": templatesPage,
  "schema/workflow.json": () => `${JSON.stringify(workflowFileSchema(), null, 2)}\n`,
};
