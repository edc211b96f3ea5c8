/** To be written. */
import { PageHead } from "../parts/page-head.tsx";

export default function WorkflowPage({ id }: { readonly id: string }) {
  return <PageHead title={id} />;
}
