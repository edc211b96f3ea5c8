CREATE TABLE "catalogue_edition" (
	"id" smallint PRIMARY KEY NOT NULL,
	"edition" uuid NOT NULL
);
--> statement-breakpoint
insert into catalogue_edition values (1, gen_random_uuid());
--> statement-breakpoint
-- Mostly once a transaction: a row that it wrote itself has its number, outside of savepoints.
create function change_catalogue_edition() returns trigger language plpgsql set search_path from current as $$
begin
  update catalogue_edition set edition = gen_random_uuid()
  where id = 1 and xmin::text <> pg_current_xact_id()::xid::text;
  return null;
end
$$;
--> statement-breakpoint
-- Deferred to the commit: the row's lock is the transaction's last one, and no statement of a client comes behind it. So two
-- transactions that publish wait for each other for a commit only, and never in a circle.
create constraint trigger catalogue_key_made after insert on workflow_definitions
  deferrable initially deferred for each row
  when (new.trigger_key is not null) execute function change_catalogue_edition();
--> statement-breakpoint
create constraint trigger catalogue_key_changed after update on workflow_definitions
  deferrable initially deferred for each row
  when (row(old.workspace_id, old.trigger_key) is distinct from row(new.workspace_id, new.trigger_key))
  execute function change_catalogue_edition();
--> statement-breakpoint
create constraint trigger catalogue_key_gone after delete on workflow_definitions
  deferrable initially deferred for each row
  when (old.trigger_key is not null) execute function change_catalogue_edition();
--> statement-breakpoint
create constraint trigger catalogue_pattern_changed after insert or update or delete on wait_patterns
  deferrable initially deferred for each row execute function change_catalogue_edition();
