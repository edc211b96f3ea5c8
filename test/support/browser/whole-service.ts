/**
 * The whole service as a process, with its own approvals and its console, and people with a browser each.
 * Boundary: the compiled console of this project; nothing stands in for a part of the service.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { Browser } from "playwright-core";
import { Inbox } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { Workflows } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  type StepRunState as State,
  StepRunState,
  WorkflowService,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { findFreePort } from "../../../tools/parts/free-port.ts";
import { type Cluster, type Replica, startCluster } from "../services/replicas.ts";
import { openPage, type PageOptions, startBrowser, type WatchedPage } from "./browser.ts";

const WORKSPACE = "ws_console";

/** What a person of a test does by the API. */
interface Caller {
  readonly workflows: Client<typeof WorkflowService>;
  readonly sources: Client<typeof Workflows>;
  readonly runs: Client<typeof Runs>;
  readonly inbox: Client<typeof Inbox>;
}

/** A service and its users. */
export interface WholeService {
  readonly workspaceId: string;
  /** Calls by a name that nobody proves. */
  as(actor: string): Caller;
  /** Opens a page of the console for a person with a browser of their own; "": for who has not said a name. */
  open(actor: string, path: string, options?: PageOptions): Promise<WatchedPage>;
  /** Publishes a version; gives the id of its definition. */
  define(name: string, version: Version): Promise<string>;
  start(definitionId: string, more?: StartFields): Promise<string>;
  /** Moves a step by TransitionStep. */
  move(runId: string, stepId: string, state: State, errorMessage?: string): Promise<void>;
  /** Ends the process as a crash does. */
  kill(): Promise<void>;
  /** Starts it again at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

type Version = Pick<
  Parameters<Caller["workflows"]["publishVersion"]>[0],
  "steps" | "edges" | "trigger"
>;
type StartFields = Omit<
  Parameters<Caller["workflows"]["startRun"]>[0],
  "definitionId" | "$typeName"
>;

/** Starts it. */
export async function startWholeService(): Promise<WholeService> {
  const [browser, cluster, port] = await Promise.all([
    startBrowser(),
    startCluster(),
    findFreePort(),
  ]);
  return new Whole(browser, cluster, port).begin();
}

class Whole implements WholeService {
  readonly workspaceId = WORKSPACE;
  readonly #browser: Browser;
  readonly #cluster: Cluster;
  readonly #port: number;
  #replica: Replica | undefined;

  constructor(browser: Browser, cluster: Cluster, port: number) {
    this.#browser = browser;
    this.#cluster = cluster;
    this.#port = port;
  }

  async begin(): Promise<this> {
    await this.restart();
    return this;
  }

  async restart(): Promise<void> {
    const environment = { APPROVALS_URL: "builtin", PORT: String(this.#port) };
    this.#replica = await this.#cluster.start(environment);
  }

  async kill(): Promise<void> {
    await this.#replica?.kill();
  }

  as(actor: string): Caller {
    const transport = createConnectTransport({
      baseUrl: this.#url,
      interceptors: [
        (next) => (request) => {
          request.header.set("Workflows-Actor", actor);
          return next(request);
        },
      ],
    });
    return {
      workflows: createClient(WorkflowService, transport),
      sources: createClient(Workflows, transport),
      runs: createClient(Runs, transport),
      inbox: createClient(Inbox, transport),
    };
  }

  async open(actor: string, path: string, options: PageOptions = {}): Promise<WatchedPage> {
    const watched = await openPage(this.#browser, options);
    const name = JSON.stringify(actor);
    if (actor !== "") {
      await watched.page.addInitScript({
        content: `localStorage.setItem("workflows.actor", ${name})`,
      });
    }
    const separator = path.includes("?") ? "&" : "?";
    await watched.page.goto(`${this.#url}/console${path}${separator}workspace=${WORKSPACE}`);
    return watched;
  }

  async define(name: string, version: Version): Promise<string> {
    const { workflows } = this.as("user_author");
    const { definition } = await workflows.createDefinition({ workspaceId: WORKSPACE, name });
    const definitionId = definition?.id ?? "";
    await workflows.publishVersion({ ...version, definitionId });
    return definitionId;
  }

  async start(definitionId: string, more: StartFields = {}): Promise<string> {
    const initiatorUserId = "user_sam";
    const { workflows } = this.as(initiatorUserId);
    const { run } = await workflows.startRun({ initiatorUserId, ...more, definitionId });
    return run?.id ?? "";
  }

  async move(runId: string, stepId: string, state: State, errorMessage = ""): Promise<void> {
    await this.as("user_sam").workflows.transitionStep({ runId, stepId, state, errorMessage });
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.#cluster.stop();
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
}

/** The ends that `move` is most often asked for. */
export const { COMPLETED, FAILED } = StepRunState;
