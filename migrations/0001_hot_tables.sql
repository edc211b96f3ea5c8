-- Room on each page for the updates of a run and its steps, so that they stay on their page, where they log less and
-- mostly touch no index (HOT). A run is updated many times; a step's row at least doubles until it ends.
alter table workflow_runs set (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
--> statement-breakpoint
alter table step_runs set (fillfactor = 35, autovacuum_vacuum_scale_factor = 0.05);
--> statement-breakpoint
-- These rows live for seconds: their dead versions are cleared by number, not by share of the table.
alter table effects set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
--> statement-breakpoint
-- Sorted by bytes, so that all calls of a run are one range of the primary key, whatever the database's language.
alter table effects alter column id type text collate "C";
--> statement-breakpoint
alter table move_batches set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
--> statement-breakpoint
-- Inserted all at once and updated twice or more until the child has ended: room for that on each page.
alter table child_runs set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
