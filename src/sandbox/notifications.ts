/**
 * The notifications service: sends nothing anywhere, but remembers and logs what it was given.
 *
 * Boundary: one RPC.
 */
import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  DeliveryChannelSchema,
  DeliveryStatus,
  NotificationSchema,
  NotificationService,
} from "../../gen/notifications/v1/notifications_pb.ts";
import { makeId, type Routes, recordEntry, type Stage } from "./stage.ts";

/** NotificationService. */
export function serveNotifications(stage: Stage): Routes {
  return (router) =>
    router.service(NotificationService, {
      send(request, context) {
        const { $typeName: _, $unknown: __, templateVariablesJson: ___, ...fields } = request;
        const notification = create(NotificationSchema, {
          ...fields,
          id: makeId("ntf"),
          deliveryStatus: DeliveryStatus.SENT,
          sentAt: timestampNow(),
        });
        recordEntry(stage.ledgers.notifications, notification.id, request, context);
        const channel = DeliveryChannelSchema.value[request.channel]?.localName.toLowerCase();
        const about = request.subject || request.templateName || request.body;
        stage.log(
          `notification by ${channel ?? "an unknown channel"} to ${request.recipientId || "everyone"}: ${about}`,
        );
        return { notification };
      },
    });
}
