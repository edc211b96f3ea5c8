-- Indexes of tables that may be large are not made here: src/store/indexes.ts builds those that schema.ts declares
-- without a lock that writers wait for, and drops those that they replace.
CREATE TABLE "retention_notices" (
	"announced_at" timestamp (3) with time zone NOT NULL,
	"days" integer PRIMARY KEY NOT NULL
);
--> statement-breakpoint
ALTER TABLE "run_starts" ADD COLUMN "run_deleted_at" timestamp (3) with time zone;
