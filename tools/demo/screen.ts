/**
 * The screen: what starts, the commands of the story with what they print, and what other services and people do meanwhile.
 *
 * Boundary: the only writer of the demo's output, but for a command that draws on the terminal itself.
 *
 * Invariant: no line is written into what a command draws; lines of that time follow it.
 */
import type { WriteStream } from "node:tty";
import { choosePaint, type Paint } from "./paint.ts";

/** Where the demo writes. */
export interface Screen {
  readonly paint: Paint;
  /** Whether commands draw on it themselves. */
  readonly isTerminal: boolean;
  print(...lines: string[]): void;
  /** Writes a command as it is typed. */
  printCommand(command: string): void;
  /** Writes what another service or a person did. */
  printRemark(text: string): void;
  /** Keeps what is printed until `release`: a command draws. */
  hold(): void;
  /** Writes what was kept. Safe to call again. */
  release(): void;
}

/** A screen on standard output, or another stream. */
export function openScreen(out: WriteStream = process.stdout): Screen {
  const isTerminal = out.isTTY === true && process.env.TERM !== "dumb";
  const paint = choosePaint(isTerminal);
  const kept: string[] = [];
  let isHeld = false;
  const print = (...lines: string[]): void => {
    if (isHeld) kept.push(...lines);
    else for (const line of lines) out.write(`${line}\n`);
  };
  return {
    paint,
    isTerminal,
    print,
    printCommand: (command) => print("", paint("bold", `$ ${command}`)),
    printRemark: (text) => print(paint("dim", `  - ${text}`)),
    hold() {
      isHeld = isTerminal;
    },
    release() {
      isHeld = false;
      print(...kept.splice(0));
    },
  };
}
