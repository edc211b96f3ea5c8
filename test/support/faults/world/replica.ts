/**
 * One place for a replica: a process of the fault build runs in it, and a new one after it ended.
 * Boundary: signals and the log; what is asked of the replica is not known here.
 */
import { writeFile } from "node:fs/promises";
import type { Client } from "@connectrpc/connect";
import type { WorkflowService } from "../../../../gen/workflows/v1/workflows_pb.ts";
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { connectService, type ServiceClient } from "../../../../tools/demo/service-client.ts";
import {
  parseLogLine,
  type ServiceProcess,
  startService,
} from "../../../../tools/demo/service-process.ts";
import type { PlannedFault } from "../planned-fault.ts";

/** What the replicas of a world report, all together. */
export interface Reports {
  /** Points that were reached. */
  readonly reached: Set<CrashPoint>;
  /** Faults that happened, such as `kill at batch.written`. */
  readonly happened: string[];
  /** Lines at level error, and what is no JSON. */
  readonly errors: string[];
  /** The last lines at level warn, each behind the process that wrote it, without those of every outage. */
  readonly warnings: string[];
}

/** See the file's head. */
export interface Replica {
  readonly workflows: Client<typeof WorkflowService> | undefined;
  readonly pid: number | undefined;
  readonly url: string | undefined;
  /** What the last process calls itself, in leases for instance. */
  readonly id: string;
  /** How often a process began here. */
  readonly starts: number;
  readonly isFrozen: boolean;
  /** How many of the planned faults are still to happen; those that last do not count. */
  readonly awaits: number;
  /**
   * Plans these faults for the process that runs, visits counted from now; those that are left when it ends, for the next
   * one. Resolves when the process has read them or has ended; of one that is frozen, after 10 s at most.
   */
  plan(faults: readonly PlannedFault[]): Promise<void>;
  /**
   * Ends the process as a crash does; waits for the next one. `faults` are those of the next one. False: it had ended, or
   * was killed already.
   */
  kill(faults?: readonly PlannedFault[]): Promise<boolean>;
  /** Asks the process to end (SIGTERM), after an earlier such end; waits for the next one. False: it had ended. */
  end(faults?: readonly PlannedFault[]): Promise<boolean>;
  /** False: there was no process. */
  freeze(): boolean;
  thaw(): void;
  /** Bytes of its heap and of what hangs on it, after a collection of garbage. Rejects when it does not say in time. */
  heapBytes(): Promise<number>;
  /** Resolves once a process is ready here, also when one is being started. */
  ready(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** How its processes are started. */
export interface ReplicaOptions {
  readonly compiled: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A file of its own, for plans. */
  readonly plansFile: string;
  readonly reports: Reports;
  /** How long a process sleeps that freezes itself at a point. */
  readonly freezeMs: number;
}

/** Starts the first process; `ready` waits for it. */
export function openReplica(
  options: ReplicaOptions,
  faults: readonly PlannedFault[] = [],
): Replica {
  return new RestartedReplica(options, faults);
}

class RestartedReplica implements Replica {
  readonly #options: ReplicaOptions;
  #faults: readonly PlannedFault[];
  #process: ServiceProcess | undefined;
  #client: ServiceClient | undefined;
  #starting: Promise<void>;
  #stopped = false;
  #frozen = false;
  /** The process that was asked to end, and the one that was killed. */
  #asked: ServiceProcess | undefined;
  #killed: ServiceProcess | undefined;
  #onHeap: (bytes: number) => void = () => {};
  #onPlanned: () => void = () => {};
  starts = 0;
  id = "";

  constructor(options: ReplicaOptions, faults: readonly PlannedFault[]) {
    this.#options = options;
    this.#faults = faults;
    this.#starting = this.#start();
  }

  get workflows() {
    return this.#client?.workflows;
  }
  get pid() {
    return this.#process?.pid;
  }
  get url() {
    return this.#process?.url;
  }
  get isFrozen() {
    return this.#frozen;
  }
  get awaits() {
    return this.#faults.filter(({ lasts }) => lasts !== true).length;
  }

  async plan(faults: readonly PlannedFault[]): Promise<void> {
    await writeFile(this.#options.plansFile, JSON.stringify(faults));
    await this.ready();
    this.#faults = faults;
    const read = new Promise<void>((resolve) => {
      this.#onPlanned = resolve;
      setTimeout(resolve, PLANNED_WITHIN_MS).unref();
    });
    // The next signal may overtake this one: threads of the process take them.
    if (this.#signal("SIGHUP")) await Promise.race([read, this.#process?.ended]);
  }
  async kill(faults: readonly PlannedFault[] = []): Promise<boolean> {
    await this.ready();
    const isFirst = this.#process !== this.#killed;
    this.#killed = this.#process;
    return (await this.#endBy("SIGKILL", faults)) && isFirst;
  }
  async end(faults: readonly PlannedFault[] = []): Promise<boolean> {
    await this.ready();
    while (this.#process !== undefined && this.#process === this.#asked) {
      await this.#process.ended;
      await this.ready();
    }
    this.#asked = this.#process;
    return this.#endBy("SIGTERM", faults);
  }
  freeze(): boolean {
    this.#frozen = true;
    return this.#signal("SIGSTOP");
  }
  thaw(): void {
    this.#frozen = false;
    this.#signal("SIGCONT");
  }
  async heapBytes(): Promise<number> {
    const said = new Promise<number>((resolve, reject) => {
      this.#onHeap = resolve;
      setTimeout(() => reject(new Error("a replica did not say its heap")), HEAP_WITHIN_MS).unref();
    });
    await writeFile(this.#options.plansFile, JSON.stringify("heap"));
    this.#signal("SIGHUP");
    return said;
  }
  async ready(): Promise<void> {
    let waited: Promise<void> | undefined;
    while (waited !== this.#starting) {
      waited = this.#starting;
      await waited;
    }
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#starting.catch(() => {});
    this.#client?.close();
    this.#signal("SIGCONT");
    await this.#process?.stop();
  }

  async #endBy(signal: NodeJS.Signals, faults: readonly PlannedFault[]): Promise<boolean> {
    const { ended } = this.#process ?? {};
    this.#faults = faults;
    this.#frozen = false;
    const isSent = this.#signal(signal);
    this.#signal("SIGCONT");
    await ended;
    await this.ready();
    return isSent;
  }

  /** It happened: the next process does not do it again. */
  #cross(happened: string): void {
    const index = this.#faults.findIndex(
      ({ mode, point, lasts }) => lasts !== true && `${mode} at ${point}` === happened,
    );
    this.#faults = this.#faults.filter((_, place) => place !== index);
  }

  /** It froze itself at a point. */
  #thawLater(): void {
    this.#frozen = true;
    setTimeout(() => this.thaw(), this.#options.freezeMs);
  }

  #signal(signal: NodeJS.Signals): boolean {
    if (this.#process === undefined) return false;
    try {
      return process.kill(this.#process.pid, signal);
    } catch (error) {
      // It ended by itself a moment ago: a planned fault did it.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
      return false;
    }
  }

  async #start(): Promise<void> {
    const { compiled, environment, plansFile } = this.#options;
    const faults = this.#faults;
    this.starts += 1;
    const started = await startService({
      compiled,
      environment: {
        ...environment,
        TEST_FAULTS: JSON.stringify(faults),
        TEST_FAULTS_FILE: plansFile,
      },
      onLine: (line) => this.#read(line),
    }).catch((error: unknown) => {
      // A fault during its start is the plan's; anything else is told.
      if (faults.length > 0 || this.#stopped) return undefined;
      this.#options.reports.errors.push(String(error));
      return undefined;
    });
    if (started === undefined) {
      if (!this.#stopped && this.starts < STARTS_AT_MOST) await this.#start();
      return;
    }
    this.#process = started;
    this.#client = connectService(started.url);
    void started.ended.then(() => {
      this.#process = undefined;
      this.#client?.close();
      this.#client = undefined;
      this.#frozen = false;
      if (!this.#stopped) this.#starting = this.#start();
    });
  }

  #keepWarning(line: string): void {
    if (line.includes(CONNECTION_FAILED)) return;
    const { warnings } = this.#options.reports;
    warnings.push(`process ${this.pid}: ${line}`);
    if (warnings.length > WARNINGS_AT_MOST) warnings.shift();
  }

  #read(line: string): void {
    const { reached, happened, errors } = this.#options.reports;
    const entry = parseLogLine(line);
    if (entry === undefined) errors.push(line);
    else if (typeof entry.heapBytes === "number") this.#onHeap(entry.heapBytes);
    else if (typeof entry.planned === "number") this.#onPlanned();
    else if (typeof entry.crashPoint === "string") reached.add(entry.crashPoint as CrashPoint);
    else if (typeof entry.fault === "string") {
      happened.push(`${entry.fault} at ${entry.at}`);
      this.#cross(`${entry.fault} at ${entry.at}`);
      if (entry.fault === "stop") this.#thawLater();
    } else if (typeof entry.replicaId === "string") this.id = entry.replicaId;
    else if (entry.level === "error") errors.push(line);
    else if (entry.level === "warn") this.#keepWarning(line);
  }
}

/** Each connection of each pool writes it where Postgres restarts. */
const CONNECTION_FAILED = "a database connection failed";
const WARNINGS_AT_MOST = 60;
const HEAP_WITHIN_MS = 10_000;
const PLANNED_WITHIN_MS = 10_000;
/** A replica that cannot start is a fault, not a loop. */
const STARTS_AT_MOST = 200;
