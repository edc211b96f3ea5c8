/** Where the compiled console is. Boundary: a place; tools/build-console.mjs writes there, ingress/rpc/console/ reads. */
import { fileURLToPath } from "node:url";

/** The compiled service stands as deep below the project as this file. */
export const CONSOLE_FOLDER = fileURLToPath(new URL("../../dist/console/", import.meta.url));
