CREATE TABLE "failed_deliveries" (
	"failed_at" timestamp (3) with time zone NOT NULL,
	"stream_seq" bigint NOT NULL,
	"failures" integer NOT NULL,
	"stream" text NOT NULL,
	CONSTRAINT "failed_deliveries_stream_stream_seq_pk" PRIMARY KEY("stream","stream_seq")
);
--> statement-breakpoint
DROP INDEX "effects_lease";--> statement-breakpoint
CREATE INDEX "failed_deliveries_age" ON "failed_deliveries" USING btree ("failed_at");--> statement-breakpoint
CREATE INDEX "effects_held" ON "effects" USING btree ("lease_until") WHERE "effects"."holder" <> '';--> statement-breakpoint
CREATE INDEX "effects_free" ON "effects" USING btree ("kind","workspace_id","lease_until") WHERE "effects"."holder" = '';