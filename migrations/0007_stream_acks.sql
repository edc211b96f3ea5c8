CREATE TABLE "stream_acks" (
	"seq" bigint NOT NULL,
	"noted_at" timestamp (3) with time zone NOT NULL,
	"partition" smallint NOT NULL,
	"stream" text NOT NULL,
	CONSTRAINT "stream_acks_stream_partition_pk" PRIMARY KEY("stream","partition")
);
