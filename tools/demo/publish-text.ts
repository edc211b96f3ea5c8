/**
 * Publishes a workflow file of `npm run dev`.
 * Boundary: one call; which files are published is workflow-folder.ts.
 */
import { ConnectError } from "@connectrpc/connect";
import { PublishOutcome } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { connectService } from "./service-client.ts";

const WORDS: ReadonlyMap<PublishOutcome, string> = new Map([
  [PublishOutcome.CREATED, "created"],
  [PublishOutcome.PUBLISHED, "published"],
  [PublishOutcome.UNCHANGED, "unchanged"],
]);

/** What became of a text, such as `sales: published, version 2`. Rejects with the words of the service. */
export async function publishText(url: string, workspaceId: string, text: string): Promise<string> {
  if (url === "") throw new Error("the service is not ready yet");
  const client = connectService(url);
  try {
    const { definition, version, outcome } = await client.sources.publishSource({
      workspaceId,
      sourceText: text,
    });
    return `${definition?.name}: ${WORDS.get(outcome)}, version ${version?.version}`;
  } catch (error) {
    throw new Error(ConnectError.from(error).rawMessage, { cause: error });
  } finally {
    client.close();
  }
}
