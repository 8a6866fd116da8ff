/** How a machine asks one of a region to be let in. */

import type { IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { text } from "node:stream/consumers";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { GUEST_PATH } from "../fleet/peer-link.ts";
import { CommandError } from "../lib/command-error.ts";
import { type Hello, helloRefusal, type JoinAnswer, type JoinQuestion, WRONG_TOKEN } from "./messages.ts";
import { hashOf, type Token } from "./token.ts";

/** Where a machine of the region takes requests of others. */
export type Door = { readonly address: string; readonly port: number };

const PATIENCE_MILLISECONDS = 10_000;

/** A region that is there, and is the token's. */
export type Found = {
  /** The certificate of its authority; PEM. */
  readonly authority: string;
  /** This machine's address on the way to it. */
  readonly from: string;
};

/**
 * Looks who answers there. What is said before the certificate counts only decides which error is told.
 * @throws CommandError when nobody answers, it is another region, or TLS would fail
 */
export async function findRegion(door: Door, token: Token, here: Hello): Promise<Found> {
  const { certificate, from } = await shown(door);
  if (!certificate || !hashOf(certificate).equals(token.authority)) throw new CommandError(WRONG_TOKEN);
  const there = await askAt<Hello>(door, "hello", {}, { rejectUnauthorized: false });
  const refusal = helloRefusal(here, there);
  if (refusal !== undefined) throw new CommandError(refusal);
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  const authority = `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  return { authority, from };
}

/** @throws CommandError with the region's words when it refuses */
export function askToJoin(door: Door, { authority }: Found, question: JoinQuestion): Promise<JoinAnswer> {
  return askAt<JoinAnswer>(door, "join", question, { ca: authority });
}

/** The last certificate that the machine shows, and from which address it is reached. */
function shown({ address, port }: Door): Promise<{ readonly certificate?: Buffer; readonly from: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, rejectUnauthorized: false });
    socket.setTimeout(PATIENCE_MILLISECONDS, () => socket.destroy(new Error("ETIMEDOUT")));
    socket.once("error", (cause) => reject(unreached({ address, port }, cause)));
    socket.once("secureConnect", () => {
      const certificate = lastOf(socket.getPeerCertificate(true));
      resolve({ ...(certificate ? { certificate } : {}), from: socket.localAddress ?? "" });
      socket.destroy();
    });
  });
}

function lastOf(certificate: DetailedPeerCertificate): Buffer | undefined {
  let one = certificate;
  // The authority's own is its own issuer.
  while (one.issuerCertificate && one.issuerCertificate !== one) one = one.issuerCertificate;
  return one.raw as Buffer | undefined;
}

async function askAt<Answer>(
  { address, port }: Door,
  name: string,
  question: object,
  how: RequestOptions,
): Promise<Answer> {
  const body = JSON.stringify(question);
  const options = {
    ...how,
    host: address,
    port,
    path: GUEST_PATH + name,
    method: "POST",
    agent: false,
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    signal: AbortSignal.timeout(PATIENCE_MILLISECONDS),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest(options, resolve);
    request.once("error", (cause) => reject(unreached({ address, port }, cause)));
    request.end(body);
  });
  const answer = await text(response);
  if (response.statusCode === 200) return JSON.parse(answer) as Answer;
  throw new CommandError(errorIn(answer) ?? `${address}:${port} answered ${response.statusCode}.`);
}

function errorIn(answer: string): string | undefined {
  try {
    return (JSON.parse(answer) as { readonly error?: string }).error;
  } catch {
    return undefined;
  }
}

/** Why a machine is not reached, and what mends it. */
function unreached({ address, port }: Door, cause: NodeJS.ErrnoException): CommandError {
  const at = `${address}:${port}`;
  const code = cause.code ?? "";
  const words =
    code === "ECONNREFUSED"
      ? `Nothing answers at ${at}: on a machine of the region ./genkan token prints where it does, while Genkan is up there.`
      : /^E(HOST|NET)UNREACH$/.test(code)
        ? `No route leads to ${address}: check the address and this machine's network (ip route get ${address}).`
        : code === "ETIMEDOUT" || cause.name === "TimeoutError" || cause.message === "ETIMEDOUT"
          ? `${at} is silent: does the machine run, and does a firewall let TCP ${port} pass?`
          : `What answers at ${at} is no machine of a region (${code || cause.message}): ./genkan token there prints the port.`;
  return new CommandError(words, { cause });
}
