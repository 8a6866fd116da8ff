/** A member of etcd for tests. */

import { spawn } from "node:child_process";
import { memberCommand, type MemberOptions } from "./etcd-member.ts";

export type Member = {
  /** Settles when the process has ended, with what it said last. */
  readonly ended: Promise<string>;
  /** Ends it in order. */
  readonly stop: () => Promise<void>;
  /** Ends it at once. */
  readonly kill: () => Promise<void>;
};

const SAID_BYTES = 2_000;

export function startMember(options: MemberOptions): Member {
  const [command = "", ...argv] = memberCommand(options);
  const child = spawn(command, argv, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => (said = (said + String(chunk)).slice(-SAID_BYTES)));
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", () => resolve(said));
  });
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) child.kill(signal);
    await ended;
  };
  return { ended, stop: () => end("SIGTERM"), kill: () => end("SIGKILL") };
}
