CREATE TABLE "workflow_deployments" (
	"at" timestamp (3) with time zone NOT NULL,
	"active_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"version" integer NOT NULL,
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"definition_id" text NOT NULL,
	"version_id" text NOT NULL,
	"environment" text NOT NULL,
	"state" text NOT NULL,
	"trigger_key" text,
	"vars" json,
	"deployed_by" text NOT NULL,
	"note" text NOT NULL,
	"supersedes" text NOT NULL,
	"decided_by" text DEFAULT '' NOT NULL,
	"decision_reason" text DEFAULT '' NOT NULL,
	"digest" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "deploy_policies" (
	"updated_at" timestamp (3) with time zone NOT NULL,
	"workspace_id" text PRIMARY KEY NOT NULL,
	"rules" json NOT NULL,
	"updated_by" text NOT NULL,
	"reason" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "environment" text;--> statement-breakpoint
ALTER TABLE "workflow_runs" ADD COLUMN "vars" json;--> statement-breakpoint
-- A replica without deployments takes the latest version's number and 1, which after a roll-back another version has. It reads
-- the number that was stored out of the row.
create function number_workflow_version() returns trigger language plpgsql set search_path from current as $$
begin
  if exists (select 1 from workflow_versions where definition_id = new.definition_id and version = new.version) then
    new.version := (select max(version) + 1 from workflow_versions where definition_id = new.definition_id);
  end if;
  return new;
end
$$;
--> statement-breakpoint
create trigger workflow_version_number before insert on workflow_versions
  for each row execute function number_workflow_version();
--> statement-breakpoint
-- A replica without deployments moves the latest version alone: what it published is in production then, with the vars of the version
-- before. A replica with deployments has written its row before it moves the latest version.
create function follow_latest_version() returns trigger language plpgsql set search_path from current as $$
declare ended workflow_deployments;
begin
  update workflow_deployments set state = 'SUPERSEDED', ended_at = clock_timestamp()
  where definition_id = new.id and environment = 'production' and state = 'ACTIVE'
    and version_id <> new.latest_version_id
  returning * into ended;
  if found then
    insert into workflow_deployments (at, active_at, id, workspace_id, definition_id, version_id, version, environment, state,
      vars, deployed_by, note, supersedes)
    values (clock_timestamp(), clock_timestamp(), 'dep_' || replace(gen_random_uuid()::text, '-', ''), new.workspace_id, new.id,
      new.latest_version_id, new.latest_version, 'production', 'ACTIVE', ended.vars, '', '', ended.id);
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger latest_version_moved after update of latest_version_id on workflow_definitions
  for each row when (old.latest_version_id is distinct from new.latest_version_id)
  execute function follow_latest_version();
