import { parentPort, Worker } from "node:worker_threads";

/**
 * Runs a module in a thread of its own, with `data` as its workerData, so that a busy service does not delay
 * another. Settles when the module has called {@link sayApart}.
 * @throws the error that kept it from getting that far; a later error ends this process, as an error of its
 * own would.
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

/** Tells the thread that started this one that this one now answers. */
export function sayApart(): void {
  parentPort?.postMessage("ready", []);
}
