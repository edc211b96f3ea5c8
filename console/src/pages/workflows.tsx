/** To be written. */
import { PageHead } from "../parts/page-head.tsx";

export default function WorkflowsPage() {
  return <PageHead title="Workflows" />;
}
