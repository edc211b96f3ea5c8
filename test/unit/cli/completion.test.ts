/** What the shells complete: bash runs its script, with the service's names played; of zsh and fish the text is judged. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS, optionsOf } from "../../../src/cli/commands.ts";
import { bashScript, fishScript, zshScript } from "../../../src/cli/completion-scripts.ts";
import { commandWords } from "../../../src/cli/completion-words.ts";

const WORDS = commandWords(COMMANDS, optionsOf);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "completion-"));
  const names = `#!/bin/bash\n[[ $2 == runs ]] && printf 'wfr_a\\nwfr_b\\n' || printf 'refund\\nreturn\\n$(touch hacked)\\n'\n`;
  writeFileSync(join(folder, "workflows"), names);
  chmodSync(join(folder, "workflows"), 0o755);
  writeFileSync(join(folder, "my.workflow.yaml"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What bash offers for the last word, after the options that it is given for it. */
function completed(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  // It is a command only while bash completes.
  const told = "compopt() { printf '%s\\n' \"$*\"; }";
  const asked = `${told}; COMP_WORDS=(workflows ${line}); COMP_CWORD=${words.length}; _workflows; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync(
    "bash",
    ["--norc", "-uc", `${bashScript(WORDS)}\n${asked}`],
    {
      cwd: folder,
      env: { PATH: `${folder}:${process.env.PATH}` },
      encoding: "utf8",
    },
  );
  expect(stderr).toBe("");
  return stdout.split("\n").filter((word) => word !== "");
}

test.each<[string[], string[]]>([
  [["ex"], ["export", "explain"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["help", "wh"], ["whoami"]],
  [
    ["start", "--in"],
    ["--input", "--input-file"],
  ],
  [
    ["start", "re"],
    ["refund", "return"],
  ],
  [
    ["start", "refund", "--input-file", "m"],
    ["-o filenames", "my.workflow.yaml"],
  ],
  [["start", "refund", "--timeout", ""], []],
  [["runs", "--workflow", "ref"], ["refund"]],
  [
    ["explain", ""],
    ["wfr_a", "wfr_b"],
  ],
  [["cancel", "wfr_a", "wfr_b"], ["wfr_b"]],
  [
    ["apply", "my"],
    ["-o filenames", "my.workflow.yaml"],
  ],
  [
    ["graph", "m"],
    ["-o filenames", "my.workflow.yaml"],
  ],
  [
    ["graph", "ret"],
    ["-o filenames", "return"],
  ],
  [["doctor", ""], []],
])("bash completes %j", (words, offered) => {
  expect(completed(...words)).toEqual(offered);
});

test("bash does not run a name", () => {
  expect(completed("start", "$")).toEqual(["$(touch hacked)"]);
  expect(completed("apply", "ha")).toEqual(["-o filenames"]);
});

test("every command and each of its options is in each script", () => {
  const words = WORDS;
  expect(words.map(({ word }) => word)).toEqual([...COMMANDS.map(({ name }) => name), "help"]);
  const scripts = [bashScript(words), zshScript(words)];
  const fish = fishScript(words).split("\n");
  for (const { word, options } of words) {
    for (const script of scripts) expect(script).toContain(word);
    expect(fish.some((line) => line.includes(` -a ${word} -d '`))).toBe(true);
    for (const option of options) {
      expect(option.word).toMatch(/^--[a-z-]+$/);
      for (const script of scripts) expect(script).toContain(option.word);
      const long = `from ${word}' -l ${option.word.slice(2)} `;
      expect(fish.some((line) => line.includes(long))).toBe(true);
    }
  }
});

test("zsh and fish have whole quotes on each line, and ask for the same names", () => {
  const [zsh, fish] = [zshScript(WORDS), fishScript(WORDS)];
  const lines = [
    ...zsh.replaceAll("'\\''", "").split("\n"),
    ...fish.replaceAll("\\'", "").split("\n"),
  ];
  expect(lines.filter((line) => line.split("'").length % 2 === 0)).toEqual([]);
  expect(zsh).toMatch(/start(\|\w+)*\) names=\(.*workflows completion workflows 2>/);
  // fish refuses a value that is no file (-x) and a file (-F) at once.
  const ofFiles = fish.split("\n").filter((line) => line.includes(" -F"));
  expect(ofFiles.length).toBeGreaterThan(5);
  expect(ofFiles.filter((line) => line.includes(" -x "))).toEqual([]);
  expect(ofFiles.find((line) => line.includes("-l input-file"))).toContain(" -r -F ");
  expect(fish).toContain("from explain' -a '(workflows completion runs 2>/dev/null)'");
});
