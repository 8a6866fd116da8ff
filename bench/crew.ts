import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Answer, Job, Said } from "./job.ts";
import type { Path, PathName } from "./path.ts";

/**
 * The processes that make and answer traffic: one client, and one other end for each path. All keep to one
 * processor.
 */
export type Crew = {
  /** Has the client do the job, with the other ends serving `service` meanwhile if it names one. */
  readonly run: <K extends Job["kind"]>(
    job: Extract<Job, { kind: K }>,
    service?: Omit<Extract<Job, { kind: "serve" }>, "kind" | "path">,
  ) => Promise<Answer[K]>;
  readonly close: () => void;
};

type Worker = {
  readonly ask: (job: Job, onReady?: () => void) => Promise<unknown>;
  readonly end: () => void;
};

export function openCrew(paths: readonly Path[], cpu: number): Crew {
  const client = startWorker("the client", cpu);
  const servers = new Map<PathName, Worker>(
    paths.map(({ name }) => [name, startWorker(`the other end of ${name}`, cpu)]),
  );
  return {
    run: async (job, service) => {
      if (!service) return (await client.ask(job)) as never;
      const serving: Promise<unknown>[] = [];
      await Promise.all(
        ("paths" in job ? job.paths : paths).map(
          (path) =>
            new Promise<void>((resolve, reject) => {
              const done = (servers.get(path.name) as Worker).ask(
                { kind: "serve", path, ...service },
                resolve,
              );
              serving.push(done);
              done.catch(reject);
            }),
        ),
      );
      const [answer] = await Promise.all([client.ask(job), ...serving]);
      return answer as never;
    },
    close: () => {
      for (const worker of [client, ...servers.values()]) worker.end();
    },
  };
}

function startWorker(what: string, cpu: number): Worker {
  const child: ChildProcess = fork(join(import.meta.dirname, "worker.js"), [String(cpu)], {
    execArgv: ["--no-warnings"],
    serialization: "advanced",
  });
  return {
    ask: (job, onReady) =>
      new Promise((resolve, reject) => {
        const ended = (code: number | null): void => reject(new Error(`${what} ended with ${code}`));
        const finish = (): void => {
          child.off("message", hear);
          child.off("exit", ended);
        };
        const hear = (said: Said): void => {
          if (said.kind === "ready") return onReady?.();
          finish();
          if (said.kind === "done") resolve(said.answer);
          else reject(new Error(`${what}: ${said.why}`));
        };
        child.on("message", hear).on("exit", ended);
        child.send(job);
      }),
    end: () => child.kill("SIGKILL"),
  };
}
