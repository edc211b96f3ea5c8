import { parseArgs } from "node:util";
import { runCi } from "./ci.ts";

const { values: options } = parseArgs({
  options: { ci: { type: "boolean" }, json: { type: "boolean" } },
});
const failures = await runCi({ json: options.json === true });
for (const failure of failures) console.error(failure);
process.exitCode = failures.length > 0 ? 1 : 0;
