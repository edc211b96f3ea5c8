CREATE TABLE "stream_marks" (
	"seq" bigint NOT NULL,
	"marked_at" timestamp (3) with time zone NOT NULL,
	"stream" text NOT NULL,
	"created" text NOT NULL,
	CONSTRAINT "stream_marks_stream_marked_at_pk" PRIMARY KEY("stream","marked_at")
);
