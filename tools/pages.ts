/** The pages of docs/ that are made from the code, by path. `npx tsx tools/make-pages.ts` writes them. */
import { configPage } from "./config-page.ts";
import { errorsPage } from "./errors-page.ts";
import { metricsPage } from "./metrics-page.ts";

/** Makes each page's text. */
export const pages: Readonly<Record<string, () => string>> = {
  "docs/config.md": configPage,
  "docs/errors.md": errorsPage,
  "docs/metrics.md": metricsPage,
};
