/** Files that are wrong: one clear sentence each, with the place. */
import { describe, expect, it, test } from "vitest";
import { readWorkflowFile } from "../../../src/file/read-file.ts";

const STEP = "workflow: a\nsteps:\n  x:\n    task: do\n";

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The faults as a terminal shows them. */
function faultsOf(file: string | Uint8Array): string[] {
  const bytes = typeof file === "string" ? bytesOf(file) : file;
  return readWorkflowFile(bytes).faults.map(
    ({ line, column, path, message }) =>
      `${line}:${column} ${path}${path === "" ? "" : ": "}${message}`,
  );
}

/** Each anchor holds the one before ten times. */
function bomb(): string {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let n = 1; n < 10; n += 1) {
    lines.push(
      `a${n}: &a${n} [${Array(10)
        .fill(`*a${n - 1}`)
        .join(", ")}]`,
    );
  }
  return lines.join("\n");
}

/** Each anchor has the one before at the bottom of 90 lists. */
function pit(): string {
  const lines = [`a0: &a0 ${"[".repeat(90)}x${"]".repeat(90)}`];
  for (let n = 1; n < 120; n += 1) {
    lines.push(`a${n}: &a${n} ${"[".repeat(90)}*a${n - 1}${"]".repeat(90)}`);
  }
  return lines.join("\n");
}

/** One long text at many steps. */
function copies(): string {
  const steps = Array.from({ length: 40 }, (_, at) => `  s${at}: { task: *t }\n`).join("");
  return `workflow: w\ndescription: &t ${"x".repeat(30_000)}\nsteps:\n${steps}`;
}

describe("a file that is no workflow file at all", () => {
  test.each<[string, string | Uint8Array, string]>([
    ["empty", "", "1:1 the file is empty; begin with `workflow: NAME` and `steps:`"],
    ["only comments", "# a\n\n", "1:1 the file is empty; begin with `workflow: NAME` and `steps:`"],
    [
      "2 MiB",
      new Uint8Array(2 ** 21).fill(97),
      "1:1 the file has more than the limit of 1048576 bytes (1 MiB)",
    ],
    [
      "Latin-1",
      new Uint8Array([...bytesOf("workflow: a\nx: caf"), 0xe9]),
      "2:7 the file is not UTF-8 from here on; save it as UTF-8",
    ],
    [
      "Latin-1 after a written U+FFFD",
      new Uint8Array([...bytesOf("a: \uFFFD\nx: "), 0xe9]),
      "2:4 the file is not UTF-8 from here on; save it as UTF-8",
    ],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 97, 0]), "1:1 the file is UTF-16; save it as UTF-8"],
    ["a NUL character", "workflow: a\0", "1:12 a NUL character stands here; the file is no text"],
    [
      "a list",
      "- a\n",
      "1:1 a workflow file is a mapping that begins with `workflow: NAME` and has `steps:`",
    ],
    [
      "a tab",
      "workflow: a\nsteps:\n\tx:\n    task: y\n",
      "3:1 a tab stands in the indentation; use spaces",
    ],
    [
      "wrong indentation",
      "steps:\n  x:\n    task: y\n   b:\n    task: y\n",
      "4:1 the indentation fits nothing above: keys of one mapping begin at the same column",
    ],
    [
      "a colon in a text",
      "workflow: a: b",
      '1:11 a ":" stands inside a value, or the line below is indented by mistake; put a text with ": " in quotes',
    ],
    [
      "two documents",
      "workflow: a\n---\nworkflow: b\n",
      '2:1 the file holds a second document after "---"; a file has one workflow',
    ],
    ["a key twice", "workflow: a\nworkflow: b\n", "2:1 this key stands here twice"],
    [
      "a key twice in other forms",
      '{ workflow: a, 1: b, "1": c }',
      "1:22 this key stands here twice",
    ],
    [
      "true and a text twice",
      'a:\n  true: b\n  "true": c\n  d: e\n',
      "3:3 a: this key stands here twice",
    ],
    [
      "a merge",
      "x: &x { a: b }\nworkflow:\n  <<: *x\n",
      "3:3 workflow: `<<` merges nothing here; write the keys out",
    ],
    ...["1.1", "1.3"].map((version): [string, string, string] => [
      `YAML ${version}`,
      `# a\n%YAML ${version}\n---\nworkflow: a\n`,
      "2:1 a workflow file is YAML 1.2; remove the %YAML line",
    ]),
    [
      "a tag",
      "workflow: !!js/function x",
      "1:11 unresolved tag: tag:yaml.org,2002:js/function; a workflow file has no tags",
    ],
    [
      "braces without quotes",
      "workflow: {{ a }}",
      '1:12 workflow: a key cannot be a mapping or a list; put a text that begins with "{{" in quotes',
    ],
    [
      "an anchor inside of itself",
      "workflow: &a [*a]",
      '1:15 workflow[0][0]: the alias "*a" stands inside of its own anchor',
    ],
    [
      "an alias without anchor",
      "workflow: *a",
      '1:11 workflow: the alias "*a" has no anchor above it',
    ],
  ])("%s", (_, file, fault) => {
    expect(faultsOf(file)).toEqual([fault]);
  });

  test.each([
    ["anchors that explode", bomb(), "aliases are followed"],
    ["anchors within anchors", pit(), "nested too deeply here once aliases are followed"],
    ["a long text at many steps", copies(), "more than 1048576 characters once its aliases"],
    ["lists in lists", "[".repeat(1_000_000), "nested too deeply"],
    ["mappings in mappings", "{a: ".repeat(200_000), "nested too deeply"],
    ["lists in lists on one line", `a: ${"- ".repeat(5_000)}`, "nested too deeply"],
    [
      "lists in lists by indentation",
      Array.from({ length: 900 }, (_, n) => `${" ".repeat(n)}-`).join("\n"),
      "nested too deeply",
    ],
    [
      "mappings by indentation",
      Array.from({ length: 900 }, (_, n) => `${" ".repeat(n)}a:`).join("\n"),
      "nested too deeply",
    ],
  ])("%s ends soon, with one fault", (_, file, words) => {
    const before = process.cpuUsage();
    const [fault, ...others] = faultsOf(file);
    const { user, system } = process.cpuUsage(before);
    expect(fault).toContain(words);
    expect(others).toEqual([]);
    expect(user + system).toBeLessThan(2_000_000);
  });
});

describe("a workflow file with a mistake", () => {
  test.each<[string, string, string[]]>([
    [
      "an unknown key",
      `${STEP}    asignee: b\n`,
      ['5:5 steps.x.asignee: unknown key "asignee" of task; did you mean "assignee"?'],
    ],
    [
      "a name that is no text",
      STEP.replace("workflow: a", "workflow: true"),
      ["1:11 workflow: must be a text, not the boolean true; put it in quotes"],
    ],
    [
      "an unknown key of the file beside a fault of the engine",
      `${STEP}    retry: { max: -1 }\ntimout: 5m\n`,
      [
        "5:19 steps.x.retry.max: must be 0 to 1000, not -1",
        '6:1 timout: unknown key "timout" of a workflow file; did you mean "timeout"?',
      ],
    ],
    [
      "an unknown key of the file",
      `timout: 5m\n${STEP}`,
      ['1:1 timout: unknown key "timout" of a workflow file; did you mean "timeout"?'],
    ],
    [
      "a key of another kind",
      `${STEP}    body: hello\n`,
      ['5:5 steps.x.body: "body" is a key of notify, not of task'],
    ],
    [
      "two kinds",
      `${STEP}    notify: slack\n`,
      ['5:5 steps.x.notify: a step does one thing: it has "task" already'],
    ],
    [
      "no name",
      "steps:\n  x: { task: t }\n",
      ["1:1 the file does not name its workflow: write `workflow: NAME`"],
    ],
    [
      "no steps",
      "workflow: a\n",
      ["1:1 the file has no steps: write `steps:` and the steps below it"],
    ],
    [
      "a step without content",
      "workflow: a\nsteps:\n  x:\n",
      ["3:5 steps.x: a step is a mapping; it is empty"],
    ],
    [
      "an unknown step",
      `${STEP}    next: pya\n  pay: { task: t }\n`,
      [
        '5:11 steps.x.next: there is no step "pya"; did you mean "pay"?',
        '6:3 steps.pay: nothing leads to "pay": name it in a next, then or on, or write needs: [] to start it with the run',
      ],
    ],
    [
      "end in a branch",
      "workflow: a\nsteps:\n  x: { branch: input.a > 1, then: { true: end, false: y } }\n  y: { task: t }\n",
      ['3:43 steps.x.then.true: "end" stands in `next` alone; name a step here'],
    ],
    [
      "a condition without a path",
      `${STEP}    when: a > 1\n`,
      ['5:5 steps.x.when: no path leads to "x", so it has no condition'],
    ],
    [
      "a condition of two paths",
      "workflow: a\nsteps:\n  x: { task: t, next: [y, z] }\n  y: { task: t, next: z }\n  z: { task: t, when: a }\n",
      ['5:17 steps.z.when: 2 paths lead to "z": write each condition with its next'],
    ],
    [
      "no duration",
      "workflow: a\ntimeout: soon\nsteps:\n  x: { wait: 5 minutes }\n",
      [
        "2:10 timeout: is no whole number of seconds; write a duration as 30s, 15m, 24h or 7d, or a number of seconds",
        "4:14 steps.x.wait: is no duration; write a duration as 30s, 15m, 24h or 7d, or a number of seconds",
      ],
    ],
    [
      "a number that is not exact",
      "workflow: a\nsteps:\n  x: { agent: a, with: { id: 12345678901234567890 } }\n",
      ["3:30 steps.x.with.id: 12345678901234567890 is not exact as a number; put it in quotes"],
    ],
    [
      "an undo with a path",
      "workflow: a\nsteps:\n  x: { agent: a, undo: { agent: b, next: y } }\n  y: { task: t }\n",
      ['3:36 steps.x.undo.next: "undo-x" undoes another step: no path leads to it or from it'],
    ],
    [
      "what the engine says of an outcome",
      "workflow: a\nsteps:\n  x: { approve: t, action: a, on: { deneid: y } }\n  y: { task: t }\n",
      [
        '3:37 steps.x.on.deneid: "deneid" is no outcome of the APPROVAL_GATE "x": use "approved", "denied", "expired", "timeout" or "error"',
      ],
    ],
    [
      "what the engine says of an expression",
      "workflow: a\nsteps:\n  x:\n    agent: a\n    with:\n      deep:\n        - b: '{{ input. }}'\n",
      [
        '7:14 steps.x.with.deep[0].b: expression "input.": does not parse: <input>:1:6: found . but expecting end of input',
      ],
    ],
    [
      "what the engine says of a cron line",
      "workflow: a\non: { schedule: 0 99 * * * }\nsteps:\n  x: { task: t }\n",
      ['2:17 on.schedule: "0 99 * * *" is no cron line: "99" is no hour (0 to 23)'],
    ],
    [
      "steps that lack what their kinds need",
      `workflow: a
steps:
  a: { agent: "" }
  b: { approve: Pay? }
  c: { check: "" }
  d: { notify: }
  e: { wait: {} }
  f: { task: "" }
`,
      [
        "3:15 steps.a.agent: needs exactly one of `agent: ID`, `capability: NAME`, `queue: NAME` and `run: NAME`",
        "4:3 steps.b: needs `action: NAME`, what is about to be done, or a `name:`",
        "5:15 steps.c.check: needs the action that is evaluated: `check: NAME`",
        "6:3 steps.d: needs a channel, such as `notify: slack`, or a `template: NAME`",
        "7:3 steps.e: needs a duration, a time or an event: `wait: 15m`, `wait: { until: TIME }` or `wait: { event: TYPE }`",
        "8:14 steps.f.task: needs a text of what is to be done: `task: TEXT`, or a `name:`",
      ],
    ],
  ])("%s", (_, file, faults) => {
    expect(faultsOf(file)).toEqual(faults);
  });

  it("shows faults of the file and of the engine together, but none that follows from another", () => {
    const file = `${STEP}    tmieout: 5m\n  y:\n    branch: a >\n    then: { yes: x }\n`;
    expect(faultsOf(file).map((fault) => fault.split(":", 2).join(":"))).toEqual([
      "5:5 steps.x.tmieout",
      "7:13 steps.y.branch",
    ]);
  });
});

describe("a file of the largest size is judged in little time", () => {
  const filled = (text: string) => bytesOf(text.repeat(Math.floor(2 ** 20 / bytesOf(text).length)));

  test.each<[string, Uint8Array, RegExp]>([
    ["line feeds", filled("\n"), /the file is empty/],
    ["carriage returns", filled("\r"), /the file is empty/],
    ["spaces", filled(" "), /the file is empty/],
    ["comments", filled("#\n"), /the file is empty/],
    [
      "keys",
      bytesOf(`- {${Array.from({ length: 20_000 }, (_, n) => `k${n}: 1`).join()}}`),
      /a workflow file is a mapping/,
    ],
    ["written U+FFFD", filled("\uFFFD"), /a workflow file is a mapping/],
    [
      "written U+FFFD and a wrong byte",
      new Uint8Array([...filled("\uFFFD").subarray(3), 0xff]),
      /^1:349525 the file is not UTF-8/,
    ],
  ])("%s", (_, bytes, fault) => {
    faultsOf(STEP);
    const before = process.cpuUsage();
    const faults = faultsOf(bytes);
    const { user, system } = process.cpuUsage(before);
    expect(faults).toEqual([expect.stringMatching(fault)]);
    // Microseconds of this process; the square of a MiB takes minutes.
    expect(user + system).toBeLessThan(2_000_000);
  });
});
