DROP INDEX "effects_lease";--> statement-breakpoint
CREATE INDEX "effects_held" ON "effects" USING btree ("lease_until") WHERE "effects"."holder" <> '';--> statement-breakpoint
CREATE INDEX "effects_free" ON "effects" USING btree ("kind","workspace_id","lease_until") WHERE "effects"."holder" = '';