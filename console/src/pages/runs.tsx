/** To be written. */
import { PageHead } from "../parts/page-head.tsx";

export default function RunsPage() {
  return <PageHead title="Runs" />;
}
