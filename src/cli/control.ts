import { type IncomingMessage, request } from "node:http";
import {
  type Credentials,
  type Home,
  isAlive,
  readCredentials,
  readRunning,
  type Running,
} from "../home/home.ts";
import { CommandError } from "../lib/command-error.ts";
import {
  type Answer,
  type AnswerName,
  type Asked,
  type EndpointName,
  ENDPOINTS,
  pathOf,
  type StreamName,
} from "../protocol/endpoints.ts";

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

/** The question is left out where the endpoint needs none. */
type Asking<Name extends EndpointName> =
  Record<never, never> extends Asked<Name> ? [asked?: Asked<Name>] : [asked: Asked<Name>];

/**
 * Asks the control plane; the answer's JSON. @throws CommandError with the server's words when it refuses.
 */
export function ask<Name extends AnswerName>(
  control: Control,
  name: Name,
  ...[asked]: Asking<Name>
): Promise<Answer<Name>> {
  const { running, credentials } = control;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: running.host,
        port: running.port,
        method: ENDPOINTS[name].method,
        path: pathOf(name, asked ?? ({} as Asked<Name>)),
        headers: { authorization: `Bearer ${credentials.token}` },
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("end", () => {
          try {
            resolve(answer.statusCode === 200 ? (parsed(text) as Answer<Name>) : refuse(text, answer));
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    call.on("error", (cause) =>
      reject(new CommandError(`Genkan does not answer at ${running.host}:${running.port}: ${cause.message}`)),
    );
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

/**
 * Asks for an answer that goes on: the JSON of one line after another, as fast as they are taken, until the
 * server ends it or
 * `signal` does. @throws CommandError as {@link ask}, and when the control plane goes away meanwhile.
 */
export async function* follow<Name extends StreamName>(
  control: Control,
  name: Name,
  asked: Asked<Name>,
  signal: AbortSignal,
): AsyncGenerator<Answer<Name>> {
  const answer = await open(control, pathOf(name, asked), signal);
  if (!answer) return;
  let rest = "";
  try {
    for await (const chunk of answer.setEncoding("utf8")) {
      const lines = `${rest}${chunk as string}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines)
        yield answer.statusCode === 200 ? (parsed(line) as Answer<Name>) : refuse(line, answer);
    }
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    if (!signal.aborted) throw new CommandError("Genkan has gone away.", { cause });
  }
}

/** Throws with the server's words. */
function refuse(text: string, { statusCode }: IncomingMessage): never {
  const { error } = (parsed(text) ?? {}) as { error?: string };
  throw new CommandError(error ?? `Genkan answered ${statusCode}: ${text.slice(0, 200)}`);
}

/** The answer's beginning; undefined when `signal` came first. */
function open(
  { running, credentials }: Control,
  path: string,
  signal: AbortSignal,
): Promise<IncomingMessage | undefined> {
  const { host, port } = running;
  const headers = { authorization: `Bearer ${credentials.token}` };
  return new Promise((resolve, reject) => {
    const call = request({ host, port, path, headers, signal }, resolve);
    call.on("error", (cause) => {
      if (signal.aborted) resolve(undefined);
      else reject(new CommandError(`Genkan does not answer at ${host}:${port}: ${cause.message}`, { cause }));
    });
    call.end();
  });
}
