/** An item of the inbox for people and programs. */
import { toJson } from "@bufbuild/protobuf";
import {
  type InboxItem,
  InboxItemSchema,
  ItemKind,
  ItemState,
} from "../../gen/workflows/ops/v1/inbox_pb.ts";
import type { Json } from "../engine/values/json.ts";
import { CliFailure, EXIT } from "./failure.ts";
import type { Output } from "./output.ts";
import { nameOf } from "./show-run.ts";

/** The item by the names of the contract. */
export function itemJson(item: InboxItem): Json {
  return toJson(InboxItemSchema, item, { useProtoFieldName: true }) as Json;
}

/** What an item asks for. */
export function kindOf({ kind }: InboxItem): string {
  return nameOf(ItemKind, kind);
}

/** Where an item stands, such as OPEN. */
export function stateName({ state }: InboxItem): string {
  return nameOf(ItemState, state);
}

/** One item in a line: its id and state. */
export function printItem(item: InboxItem, out: Output): void {
  if (out.json) out.object(itemJson(item));
  else if (out.quiet) out.line(item.id);
  else out.line(`${item.id} ${stateName(item)}`);
}

/** What is to be decided, as indented JSON. */
export function payloadLines(payload: InboxItem["payload"]): string[] {
  return payload === undefined ? [] : JSON.stringify(payload, null, 2).split("\n");
}

/** The fields that an approval may change. */
export function editableLine({ editable }: InboxItem): string {
  return `may be edited: ${editable.join(", ")}`;
}

/** The item of an answer. */
export function requireShown(item: InboxItem | undefined): InboxItem {
  if (item === undefined) throw new CliFailure("the service answers without an item", EXIT.failed);
  return item;
}
