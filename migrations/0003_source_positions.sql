CREATE TABLE "source_positions" (
	"ack_floor" bigint NOT NULL,
	"served_at" timestamp (3) with time zone NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL,
	"stream" text NOT NULL,
	"durable" text NOT NULL,
	"created" text NOT NULL,
	CONSTRAINT "source_positions_stream_durable_pk" PRIMARY KEY("stream","durable")
);
