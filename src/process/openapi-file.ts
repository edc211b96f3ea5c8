/** Where openapi.json is. Boundary: a place; `npm run generate` writes it, ingress/rpc/doors.ts serves it. */
import { fileURLToPath } from "node:url";

/** The compiled service stands as deep below the project as this file. */
export const OPENAPI_FILE = fileURLToPath(new URL("../../gen/openapi.json", import.meta.url));
