import { request } from "node:http";
import { type Credentials, type Home, isAlive, readCredentials, readRunning, type Running } from "./home.ts";

/** A mistake of the user, or a state of the world, that ends a command: its message is all that is shown. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** A control plane that is up, and the right to ask it. */
export type Control = { readonly running: Running; readonly credentials: Credentials };

/** @throws CommandError when no Genkan of this home is up. */
export function findControl(home: Home): Control {
  const running = readRunning(home);
  const credentials = readCredentials(home);
  if (!running || !credentials || !isAlive(running)) {
    throw new CommandError(`Genkan is not up in ${home.folder}. Start it with: ./genkan up`);
  }
  return { running, credentials };
}

export function endpointOf({ running }: Control): string {
  return `http://${running.host}:${running.port}`;
}

/** Asks the control plane; the answer's JSON. @throws CommandError with the server's words when it refuses. */
export function ask<T>(control: Control, method: "GET" | "POST", path: string): Promise<T> {
  const { running, credentials } = control;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: running.host,
        port: running.port,
        method,
        path: `/_genkan/${path}`,
        headers: { authorization: `Bearer ${credentials.token}` },
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("end", () => {
          const body = parsed(text);
          if (answer.statusCode === 200) resolve(body as T);
          else
            reject(
              new CommandError(
                (body as { error?: string } | undefined)?.error ?? `Genkan answered ${answer.statusCode}: ${text.slice(0, 200)}`,
              ),
            );
        });
      },
    );
    call.on("error", (cause) => reject(new CommandError(`Genkan does not answer at ${running.host}:${running.port}: ${cause.message}`)));
    call.end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
