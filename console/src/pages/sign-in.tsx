/** To be written. */
import type { ConsoleConfig } from "../api/config.ts";
import { PageHead } from "../parts/page-head.tsx";

export default function SignInPage(_: { readonly config: ConsoleConfig }) {
  return <PageHead title="Sign in" />;
}
