CREATE TABLE "approval_decisions" (
	"decided_at" timestamp (3) with time zone NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL,
	"published_at" timestamp (3) with time zone,
	"decision" smallint NOT NULL,
	"request_id" text NOT NULL,
	"id" text NOT NULL,
	"decided_by" text NOT NULL,
	"reason" text NOT NULL,
	CONSTRAINT "approval_decisions_request_id_id_pk" PRIMARY KEY("request_id","id")
);
--> statement-breakpoint
CREATE TABLE "approval_requests" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"decision" smallint NOT NULL,
	"risk_level" smallint NOT NULL,
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"body_hash" "bytea" NOT NULL,
	"agent_id" text NOT NULL,
	"surface" text NOT NULL,
	"action_type" text NOT NULL,
	"approver_user_id" text NOT NULL,
	"context_json" text NOT NULL,
	"action_payload" "bytea" NOT NULL
);
