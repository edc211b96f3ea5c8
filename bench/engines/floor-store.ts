/** The floor's rows: many runs in one commit, which locks and saves by a statement each. The next batch gathers while a commit is in flight. */
import pg from "pg";

/** What one event changes in one run. */
export interface Change {
  readonly runId: string;
  /** 1 makes the run. */
  readonly seq: number;
  /** The step that ended. */
  readonly ended?: {
    readonly stepIndex: number;
    readonly objectiveId: string;
    readonly output: string;
  };
  /** The request of the step that begins. */
  readonly next: Uint8Array | undefined;
  readonly done?: () => void;
}

/** The store. */
export interface FloorStore {
  submit(change: Change): void;
  close(): Promise<void>;
}

const TABLES = `
  create table runs (id text primary key, seq int not null, state int not null,
    updated_at timestamptz not null default now()) with (fillfactor = 80);
  create table steps (run_id text, step_index smallint, state int not null, objective_id text,
    output jsonb, request bytea, primary key (run_id, step_index)) with (fillfactor = 80);
  create table moves (run_id text, seq int, at timestamptz not null default now(), moves json,
    primary key (run_id, seq))`;
const LOCK = "select id, seq from runs where id = any ($1) order by id for update skip locked";
const SAVE = `
  with made as (insert into runs (id, seq, state) select id, 1, 2 from unnest($1::text[]) as id),
    moved as (update runs set seq = v.seq, updated_at = now()
      from unnest($2::text[], $3::int[]) as v (id, seq) where runs.id = v.id),
    ended as (update steps set state = 4, objective_id = v.objective_id, output = v.output, request = null
      from unnest($4::text[], $5::smallint[], $6::text[], $7::jsonb[])
        as v (run_id, step_index, objective_id, output)
      where steps.run_id = v.run_id and steps.step_index = v.step_index),
    begun as (insert into steps (run_id, step_index, state, request)
      select run_id, step_index, 2, request
      from unnest($8::text[], $9::smallint[], $10::bytea[]) as v (run_id, step_index, request))
  insert into moves (run_id, seq, moves)
    select id, seq, '[[1,2,3],[4,5,6]]' from unnest($11::text[], $12::int[]) as v (id, seq)`;

/** Makes the tables; `committed` gets every change after its commit. */
export async function openFloorStore(
  url: string,
  committed: (change: Change) => void,
): Promise<FloorStore> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(TABLES);
  let queue: Change[] = [];
  let flushing: Promise<void> | undefined;
  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      await client.query("begin");
      await client.query(named("lock", LOCK, [batch.map(({ runId }) => runId)]));
      await client.query(named("save", SAVE, valuesOf(batch)));
      await client.query("commit");
      for (const change of batch) committed(change);
    }
    flushing = undefined;
  }
  return {
    submit(change) {
      queue.push(change);
      flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(flush);
    },
    async close() {
      await flushing;
      await client.end();
    },
  };
}

function named(name: string, text: string, values: unknown[]) {
  return { name, text, values };
}

function valuesOf(batch: readonly Change[]): unknown[] {
  const made = batch.filter(({ seq }) => seq === 1);
  const moved = batch.filter(({ seq }) => seq > 1);
  const ended = batch.flatMap(({ runId, ended: end }) => (end ? [{ runId, ...end }] : []));
  const begun = batch.flatMap(({ runId, ended: end, next }) =>
    next === undefined ? [] : [{ runId, stepIndex: end ? end.stepIndex + 1 : 0, next }],
  );
  return [
    made.map(({ runId }) => runId),
    moved.map(({ runId }) => runId),
    moved.map(({ seq }) => seq),
    ended.map(({ runId }) => runId),
    ended.map(({ stepIndex }) => stepIndex),
    ended.map(({ objectiveId }) => objectiveId),
    ended.map(({ output }) => output),
    begun.map(({ runId }) => runId),
    begun.map(({ stepIndex }) => stepIndex),
    begun.map(({ next }) => Buffer.from(next)),
    batch.map(({ runId }) => runId),
    batch.map(({ seq }) => seq),
  ];
}
