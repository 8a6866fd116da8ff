import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/**
 * How soon the control plane and the services run when instances want the processors too (nice(1)): they have little to do, and all wait
 * for it.
 */
export const PROMPT = -10;
/** Of what nobody waits for. */
export const LAST = 19;

/** Gives this process that priority, where it may. Where the kernel weighs whole sessions (sched(7), autogroup), the session that it leads. */
export function runPromptly(): void {
  try {
    setPriority(PROMPT);
    if (leadsSession()) writeFileSync("/proc/self/autogroup", String(PROMPT));
  } catch {
    // A container may have taken the right, or the kernel no such groups: then it runs as everybody does.
  }
}

/** A line of shell that gives the session which the shell leads that priority, where the kernel weighs whole sessions. */
export function ofSession(priority: number): string {
  return `{ echo ${priority} > /proc/self/autogroup; } 2>/dev/null || :`;
}

/** Gives a process that was just started, and what it starts, the priority that most have, whatever this process has. */
export function runOrdinarily(pid: number): void {
  try {
    setPriority(pid, 0);
  } catch (cause) {
    // Where it has ended already there is nothing to give.
    if (existsSync(`/proc/${pid}`)) throw cause;
  }
}

/** What stands before a command so that it runs with this priority, whatever this process has. */
export function atPriority(priority: number): readonly string[] {
  const difference = priority - getPriority();
  return difference === 0 ? [] : ["nice", "-n", String(difference), "--"];
}

function leadsSession(): boolean {
  const stat = readFileSync("/proc/self/stat", "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]) === process.pid;
}
