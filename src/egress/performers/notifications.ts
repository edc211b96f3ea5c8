/** Calls to the notifications service: one message to one recipient. */
import { NotificationService } from "../../../gen/notifications/v1/notifications_pb.ts";
import { readSendNotification } from "../../wire/calls/replies.ts";
import type { Performer, PerformerDeps } from "./performer.ts";

/** NotificationService.Send */
export function performSendNotification({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const notifications = clients.require("notifications");
    const { send } = NotificationService.method;
    return readSendNotification(await notifications.create(send, call.request, call));
  };
}
