/**
 * Publishes a workflow file of `npm run dev`.
 * Boundary: one call; which files are published is workflow-folder.ts.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { PublishOutcome } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { connectService } from "./service-client.ts";
import { RefusedText } from "./workflow-folder.ts";

const WORDS: ReadonlyMap<PublishOutcome, string> = new Map([
  [PublishOutcome.CREATED, "created"],
  [PublishOutcome.PUBLISHED, "published"],
  [PublishOutcome.UNCHANGED, "unchanged"],
]);

/** What became of a text, such as `sales: published, version 2`. Rejects with the faults of the text, or the words of the service. */
export async function publishText(url: string, workspaceId: string, text: string): Promise<string> {
  if (url === "") throw new Error("the service is not ready yet");
  const client = connectService(url);
  try {
    const { definition, version, outcome } = await client.sources.publishSource({
      workspaceId,
      sourceText: text,
    });
    return `${definition?.name}: ${WORDS.get(outcome)}, version ${version?.version}`;
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    if (error.code === Code.InvalidArgument) {
      const { faults } = await client.sources.checkVersion({ sourceText: text });
      const found = faults.map(({ description: message, ...place }) => ({ ...place, message }));
      if (found.length > 0) throw new RefusedText(found);
    }
    throw new Error(error.rawMessage, { cause: error });
  } finally {
    client.close();
  }
}
