/**
 * The scripts by which bash, zsh and fish complete commands, options and names.
 * Boundary: text of the words that are given. Names of the service are read line by line and never evaluated.
 */
import { type CommandWords, type Kind, SHELLS } from "./completion-words.ts";

type Commands = readonly CommandWords[];
type Pair = readonly [word: string, body: string];

/** For `source <(workflows completion bash)`. */
export function bashScript(commands: Commands): string {
  const fill = (kind: Kind) => BASH[kind](commands);
  return `_workflows_add() {
  local word
  while IFS= read -r word; do
    [[ -n $word && $word == "$1"* ]] && COMPREPLY+=("$word")
  done
}
_workflows() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    ${fill("commands")}
    return
  fi
  case $previous in
${cases(valuePairs(commands, fill))}
  esac
  if [[ $current == -* ]]; then
    case $command in
${cases(commands.map(({ word, options }) => [word, bashAdd(options.map((each) => each.word))]))}
    esac
    return
  fi
  case $command in
${cases(argumentPairs(commands, fill))}
  esac
}
complete -F _workflows workflows
`;
}

const BASH: Readonly<Record<Kind, (commands: Commands) => string>> = {
  // Readline quotes what it takes for a file: a name may hold blanks, or a command.
  files: () =>
    `compopt -o filenames 2>/dev/null; _workflows_add "$current" < <(compgen -f -- "$current")`,
  workflows: () => `_workflows_add "$current" < <(workflows completion workflows 2>/dev/null)`,
  runs: () => `_workflows_add "$current" < <(workflows completion runs 2>/dev/null)`,
  shells: () => bashAdd(SHELLS),
  commands: (commands) => bashAdd(commands.map(({ word }) => word)),
  nothing: () => ":",
};

function bashAdd(words: readonly string[]): string {
  return `_workflows_add "$current" < <(printf '%s\\n' ${words.join(" ")})`;
}

/** For `source <(workflows completion zsh)`. */
export function zshScript(commands: Commands): string {
  const fill = (kind: Kind) => ZSH[kind](commands);
  return `#compdef workflows
_workflows() {
  local command=$words[2] previous=$words[CURRENT-1]
  local -a names
  if (( CURRENT == 2 )); then
    ${fill("commands")}
    return
  fi
  case $previous in
${cases(valuePairs(commands, fill))}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $command in
${cases(commands.map(({ word, options }) => [word, zshDescribe("option", options)]))}
    esac
    return
  fi
  case $command in
${cases(argumentPairs(commands, fill))}
  esac
}
compdef _workflows workflows
`;
}

const ZSH: Readonly<Record<Kind, (commands: Commands) => string>> = {
  files: () => "_files",
  workflows: () =>
    `names=(\${(f)"$(workflows completion workflows 2>/dev/null)"}); compadd -a names`,
  runs: () => `names=(\${(f)"$(workflows completion runs 2>/dev/null)"}); compadd -a names`,
  shells: () => `compadd -- ${SHELLS.join(" ")}`,
  commands: (commands) => zshDescribe("command", commands),
  nothing: () => ":",
};

function zshDescribe(what: string, words: CommandWords["options"] | Commands): string {
  const described = words.map(({ word, about }) => quoted(`${word}:${about}`, `'\\''`));
  return `names=(${described.join(" ")}); _describe ${what} names`;
}

/** For `workflows completion fish | source`. */
export function fishScript(commands: Commands): string {
  const lines = commands.flatMap(({ word, about, options, args }) => {
    const seen = `-n '__fish_seen_subcommand_from ${word}'`;
    return [
      `complete -c workflows -f -n __fish_use_subcommand -a ${word} -d ${fishText(about)}`,
      ...args.map((kind) => `complete -c workflows ${seen} ${fishArguments(kind, commands)}`),
      ...options.map((option) => {
        const value = option.value === undefined ? "" : fishValue(option.value, commands);
        const long = option.word.replace("--", "");
        return `complete -c workflows ${seen} -l ${long}${value} -d ${fishText(option.about)}`;
      }),
    ];
  });
  return `${["complete -c workflows -f", ...lines].map((line) => line.trimEnd()).join("\n")}\n`;
}

/** `-x`: a value that is no file. */
function fishValue(kind: Kind, commands: Commands): string {
  return ` ${kind === "files" ? "-r" : "-x"} ${fishArguments(kind, commands)}`;
}

function fishArguments(kind: Kind, commands: Commands): string {
  switch (kind) {
    case "files":
      return "-F";
    case "workflows":
    case "runs":
      return `-a '(workflows completion ${kind} 2>/dev/null)'`;
    case "shells":
      return `-a '${SHELLS.join(" ")}'`;
    case "commands":
      return `-a '${commands.map(({ word }) => word).join(" ")}'`;
    case "nothing":
      return "";
  }
}

function fishText(text: string): string {
  return quoted(text.replaceAll("\\", "\\\\"), "\\'");
}

function quoted(text: string, quote: string): string {
  return `'${text.replaceAll("'", quote)}'`;
}

/** What completes the word after an option that has a value. */
function valuePairs(commands: Commands, fill: (kind: Kind) => string): Pair[] {
  return commands
    .flatMap(({ options }) => options)
    .flatMap(({ word, value }) => (value === undefined ? [] : [[word, `${fill(value)}; return`]]));
}

function argumentPairs(commands: Commands, fill: (kind: Kind) => string): Pair[] {
  return commands.flatMap(({ word, args }) =>
    args.length === 0 ? [] : [[word, args.map(fill).join("; ")]],
  );
}

/** Lines of a shell's `case`; words with the same body share one. */
function cases(pairs: readonly Pair[]): string {
  const byBody = new Map<string, Set<string>>();
  for (const [word, body] of pairs) {
    const words = byBody.get(body) ?? new Set<string>();
    byBody.set(body, words.add(word));
  }
  return [...byBody].map(([body, words]) => `    ${[...words].join("|")}) ${body} ;;`).join("\n");
}
