/** An event that the service has published, as it came back from the bus. Boundary: values; wire/bus/own-events.ts reads it. */
import type { JsonObject } from "./json.ts";

/** Attributes of CloudEvents 1.0, the data, and what it is about. Unset texts are "". */
export interface PublishedEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly timeMs: number;
  readonly dataSchema: string;
  /** By name, as texts. */
  readonly extensions: Readonly<Record<string, string>>;
  /** With its `@type`. */
  readonly data: JsonObject;
  readonly workspaceId: string;
  /** The run that it is about; "": it is about a definition or a version. */
  readonly runId: string;
  readonly definitionId: string;
  /** Of the whole message. */
  readonly bytes: number;
}
