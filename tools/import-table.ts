/**
 * The import table of the service as data: which room of src/ may reach which other rooms and
 * packages. `check-imports.ts` enforces it.
 *
 * The first room whose `files` match a path is the path's room. A file of src/ without a room is a
 * fault: a new folder is a decision.
 */

/** A set of files with the same rights. */
export interface Room {
  /** Paths from the project's root that belong to the room. */
  readonly files: RegExp;
  /** Paths from the project's root that it may import, besides those of its own room. */
  readonly paths: readonly RegExp[];
  /** npm packages that it may import, with all their subpaths. */
  readonly packages: readonly string[];
  /** Whether it may import Node's own modules. */
  readonly builtins: boolean;
  /** Whether it is a pure function of its inputs: no clock, randomness, waiting or environment. */
  readonly pure: boolean;
  /** Names that it may not import from the store although the file is open to it. */
  readonly closedNames?: RegExp;
}

const process = /^src\/process\//;
const engine = /^src\/engine\//;
const wire = /^src\/wire\//;
const file = /^src\/file\//;
const templates = /^src\/templates\//;
const store = /^src\/store\//;
const runtime = /^src\/runtime\//;
const collaborators = /^src\/collaborators\//;
const identity = /^src\/collaborators\/identity\//;
const mcp = /^src\/mcp\//;
const settings = /^src\/settings\//;
const gen = /^gen\//;

/** What the RPCs may import of the store: reads that take a Visibility, faults, and the state of the database. */
const callersStore =
  /^src\/store\/(reads\/|(caller-keys|database|inbox-notes|pg-errors|service-reads\/database-state)\.ts$)/;

/** The verbs of the store that change runs: for the runtime's batches alone. */
const runWrites = /^(lock|save|append|insert|delete)[A-Z]/;

/** The rooms of src/, special files before their folders. */
export const rooms: readonly Room[] = [
  {
    files: /^src\/engine\/expression\//,
    paths: [engine],
    packages: ["@bufbuild/cel", "@bufbuild/re2"],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/engine\/values\/cron[^/]*\.ts$/,
    paths: [engine],
    packages: ["croner"],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/engine\/values\/digest\.ts$/,
    paths: [engine],
    packages: ["@noble/hashes"],
    builtins: false,
    pure: true,
  },
  { files: engine, paths: [engine], packages: [], builtins: false, pure: true },
  {
    files: wire,
    paths: [engine, gen],
    packages: ["@bufbuild/protobuf"],
    builtins: false,
    pure: true,
  },
  {
    files: file,
    paths: [engine],
    packages: ["yaml"],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/templates\/gallery\.ts$/,
    paths: [templates],
    packages: [],
    builtins: true,
    pure: false,
  },
  {
    files: templates,
    paths: [engine, file],
    packages: ["yaml"],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/mcp\/serve\.ts$/,
    paths: [engine, mcp],
    packages: ["@modelcontextprotocol/server"],
    builtins: false,
    pure: false,
  },
  {
    files: mcp,
    paths: [engine, file, gen],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect"],
    builtins: false,
    pure: false,
  },
  {
    files: /^src\/cli\//,
    paths: [
      engine,
      wire,
      file,
      mcp,
      gen,
      /^src\/(settings\/mask|client\/follow|process\/version)\.ts$/,
    ],
    packages: [
      "@bufbuild/protobuf",
      "@connectrpc/connect",
      "@connectrpc/connect-node",
      "commander",
      "picocolors",
      "yaml",
    ],
    builtins: true,
    pure: false,
  },
  { files: process, paths: [], packages: [], builtins: true, pure: false },
  {
    files: store,
    paths: [process, engine],
    packages: ["drizzle-orm", "pg"],
    builtins: true,
    pure: false,
  },
  {
    files: collaborators,
    paths: [process, engine, wire, gen],
    packages: [
      "@bufbuild/protobuf",
      "@connectrpc/connect",
      "@connectrpc/connect-node",
      "jose",
      "undici",
    ],
    builtins: true,
    pure: false,
  },
  {
    files: runtime,
    paths: [process, engine, store],
    packages: ["ajv"],
    builtins: true,
    pure: false,
  },
  // Its thread registers the loader of sources.
  {
    files: /^src\/ingress\/rpc\/source-thread\.ts$/,
    paths: [],
    packages: ["tsx"],
    builtins: true,
    pure: false,
  },
  {
    files: /^src\/ingress\/rpc\/schedule-words\.ts$/,
    paths: [],
    packages: ["cronstrue"],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/ingress\/rpc\/rest\/find-route\.ts$/,
    paths: [/^src\/ingress\/rpc\/rest\/routes\.ts$/],
    packages: ["find-my-way"],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/ingress\/rpc\//,
    paths: [
      process,
      engine,
      wire,
      file,
      templates,
      mcp,
      /^src\/ingress\/rpc\//,
      callersStore,
      runtime,
      identity,
      gen,
    ],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-node", "ajv"],
    builtins: true,
    pure: false,
  },
  {
    files: /^src\/ingress\//,
    paths: [process, engine, wire, store, runtime, identity, gen],
    packages: [
      "@bufbuild/protobuf",
      "@connectrpc/connect",
      "@connectrpc/connect-node",
      "ajv",
      "nats",
    ],
    builtins: true,
    pure: false,
    closedNames: runWrites,
  },
  {
    files: /^src\/egress\//,
    paths: [process, engine, wire, store, runtime, collaborators, gen],
    packages: [
      "@bufbuild/protobuf",
      "@connectrpc/connect",
      "@connectrpc/connect-node",
      "jose",
      "nats",
    ],
    builtins: true,
    pure: false,
    closedNames: runWrites,
  },
  {
    files: /^src\/builtin\//,
    paths: [
      process,
      gen,
      /^src\/store\/(approval-(notices|requests)|notifications|database|pg-errors)\.ts$/,
    ],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "nats", "nodemailer"],
    builtins: true,
    pure: false,
  },
  {
    files: /^src\/client\//,
    paths: [gen],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"],
    builtins: false,
    pure: false,
  },
  {
    files: /^src\/entities\/compile\//,
    paths: [/^src\/file\/(durations|faults)\.ts$/],
    packages: ["yaml"],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/entities\//,
    paths: [gen, /^src\/client\//, /^src\/entities\//, /^src\/file\/faults\.ts$/],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect"],
    builtins: false,
    pure: false,
  },
  { files: /^src\/worker\//, paths: [], packages: ["nats"], builtins: true, pure: false },
  {
    files: /^src\/sandbox\//,
    paths: [gen],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-node", "nats"],
    builtins: true,
    pure: false,
  },
  {
    files: /^src\/config\.ts$/,
    paths: [
      settings,
      /^src\/environment\.ts$/,
      /^src\/process\/log\.ts$/,
      /^src\/collaborators\/names\.ts$/,
    ],
    packages: [],
    builtins: true,
    pure: false,
  },
  {
    files: settings,
    paths: [/^src\/environment\.ts$/],
    packages: [],
    builtins: true,
    pure: true,
  },
  {
    files: /^src\/environment\.ts$/,
    paths: [],
    packages: [],
    builtins: false,
    pure: true,
  },
  {
    files: /^src\/start-faults\.ts$/,
    paths: [/^src\/config\.ts$/, settings, /^src\/store\/(migrate|pg-errors)\.ts$/],
    packages: [],
    builtins: false,
    pure: false,
  },
  {
    files: /^src\/(main|owners|replica-facts|worker-queues)\.ts$/,
    paths: [/^src\/(?!(sandbox|worker|client|entities|file|cli)\/)/],
    packages: ["@connectrpc/connect-node", "nats", "pg"],
    builtins: true,
    pure: false,
  },
];

/** Files that may read the environment. */
export const environmentReaders = /^src\/(config\.ts$|cli\/settings\.ts$|sandbox\/)/;

/** Names of src/store/reads/visibility.ts that make a Visibility, and the files of src/ that may import them. */
export const visibilityMaking = /^(EVERY_WORKSPACE|onlyWorkspace)$/;
export const visibilityMakers = /^src\/(?!ingress\/)|^src\/ingress\/rpc\/call-workspace\.ts$/;

/** Files that may name step types: the types themselves, their stand-ins, and what translates them. */
export const typeKnowers = /^src\/(engine\/steps|file|sandbox|wire)\//;

/** What a pure room may not say, each as the pattern that finds it and the name to report. */
export const impurities: Readonly<Record<string, RegExp>> = {
  async: /\basync\b/,
  await: /\bawait\b/,
  "the clock": /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\./,
  timers: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
  randomness: /\bMath\.random\b|\bcrypto\./,
  process: /\bprocess\b(?!\s*[:(?])/,
  "the console": /\bconsole\./,
};
