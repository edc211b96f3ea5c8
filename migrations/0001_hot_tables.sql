-- Room on each page for the updates of a run and its steps, so that they stay on their page (HOT)
-- and touch no index.
alter table workflow_runs set (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
--> statement-breakpoint
alter table step_runs set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
--> statement-breakpoint
-- These rows live for seconds: their dead versions are cleared by number, not by share of the table.
alter table effects set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
--> statement-breakpoint
alter table move_batches set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
