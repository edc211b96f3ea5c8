/** Lists of origins to which the process may send. Boundary: reads the variable; what is sent is not known here. */
import type { EnvironmentReader } from "../environment.ts";

/** The origins that a variable lists, each fault noted in the reader. */
export function readOrigins(reader: EnvironmentReader, name: string): string[] {
  const origins = reader.list(name, false);
  for (const origin of origins) {
    if (URL.canParse(origin) && /^https?:/.test(origin) && new URL(origin).origin === origin)
      continue;
    // The value is not shown: paths of webhooks are secrets.
    reader.fault(name, "has an entry that is no origin such as https://hooks.example.com");
  }
  return origins;
}
