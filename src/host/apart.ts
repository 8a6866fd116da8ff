import { parentPort, Worker } from "node:worker_threads";

/**
 * Runs a module in a thread of its own, with `data` as its workerData: who keeps one service busy keeps no other waiting. Settles when
 * the module has called {@link sayApart}.
 * @throws why it did not come so far; what goes wrong later ends this process, as if it had gone wrong in it.
 */
export function serveApart(module: URL, data: unknown): Promise<void> {
  const worker = new Worker(module, { workerData: data });
  return new Promise((resolve, reject) => {
    let answers = false;
    const fail = (cause: unknown): void => {
      if (answers) throw cause;
      reject(cause);
    };
    worker.once("message", () => {
      answers = true;
      resolve();
    });
    worker.once("error", fail);
    worker.once("exit", (status) => fail(new Error(`${module.pathname} ended with ${status}`)));
  });
}

/** Tells who started this thread that it answers from now on. */
export function sayApart(): void {
  parentPort?.postMessage("ready", []);
}
