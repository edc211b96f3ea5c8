CREATE TABLE "task_places" (
	"seq" bigint NOT NULL,
	"step_index" smallint NOT NULL,
	"attempt" smallint NOT NULL,
	"run_id" text NOT NULL,
	"created" text NOT NULL,
	CONSTRAINT "task_places_run_id_step_index_pk" PRIMARY KEY("run_id","step_index")
);
