CREATE TABLE "endpoint_old_tokens" (
	"until" timestamp (3) with time zone NOT NULL,
	"endpoint_id" text NOT NULL,
	"token_hash" "bytea" NOT NULL,
	CONSTRAINT "endpoint_old_tokens_endpoint_id_token_hash_pk" PRIMARY KEY("endpoint_id","token_hash"),
	CONSTRAINT "endpoint_old_tokens_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
ALTER TABLE "endpoint_old_tokens" ADD CONSTRAINT "endpoint_old_tokens_endpoint_id_workflow_endpoints_id_fk" FOREIGN KEY ("endpoint_id") REFERENCES "public"."workflow_endpoints"("id") ON DELETE cascade ON UPDATE no action;