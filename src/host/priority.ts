import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/**
 * The priority of the control plane and the services (nice(1)), above that of instances: they have little to
 * do, and everybody waits for it.
 */
export const PROMPT = -10;
/** The priority of work that nobody waits for. */
export const LAST = 19;

/**
 * Gives this process that priority, where it may; and the session that it leads, where the kernel weighs
 * whole sessions (sched(7), autogroup).
 */
export function runPromptly(): void {
  try {
    setPriority(PROMPT);
    if (leadsSession()) writeFileSync("/proc/self/autogroup", String(PROMPT));
  } catch {
    // A container may forbid it, or the kernel have no such groups: then it runs with the ordinary priority.
  }
}

/**
 * A line of shell that gives the session which the shell leads that priority, where the kernel weighs whole
 * sessions.
 */
export function ofSession(priority: number): string {
  return `{ echo ${priority} > /proc/self/autogroup; } 2>/dev/null || :`;
}

/**
 * Gives a process that was just started, and those that it starts, the ordinary priority, whatever this
 * process has.
 */
export function runOrdinarily(pid: number): void {
  try {
    setPriority(pid, 0);
  } catch (cause) {
    // A process that has ended already needs none.
    if (existsSync(`/proc/${pid}`)) throw cause;
  }
}

/** The words before a command that run it with this priority, whatever this process has. */
export function atPriority(priority: number): readonly string[] {
  const difference = priority - getPriority();
  return difference === 0 ? [] : ["nice", "-n", String(difference), "--"];
}

function leadsSession(): boolean {
  const stat = readFileSync("/proc/self/stat", "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]) === process.pid;
}
