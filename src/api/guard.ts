import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/** Why a request is refused before any of it is read: an HTTP status and a message. */
export type Refusal = { readonly status: number; readonly message: string };

/**
 * Keeps web pages out. A page in the user's own browser can send requests to a port of the user's machine;
 * without signatures such a request would be obeyed. So the Host must be a known one (a page behind a rebound
 * DNS name sends its own name), and a request that says it comes from another site is refused.
 */
export function guard(request: IncomingMessage, names: ReadonlySet<string>): Refusal | undefined {
  const hosts = request.headersDistinct["host"] ?? [];
  const [host = ""] = hosts;
  if (hosts.length !== 1 || !isAllowedHost(host, names)) {
    return {
      status: 403,
      message: `The Host header must name this server: ${[...names].join(", ")} or an IP address.`,
    };
  }
  const origins = request.headersDistinct["origin"] ?? [];
  if (origins.some((origin) => origin.toLowerCase() !== `http://${host.toLowerCase()}`)) {
    return { status: 403, message: "Requests from other web sites are refused." };
  }
  // Only browsers set it, also on requests without an Origin, such as an image's.
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return { status: 403, message: "Requests from other web sites are refused." };
  }
  // Old browsers don't say where a page's image or link comes from; no browser says so to an address that it
  // does not trust.
  if (site === undefined && origins.length === 0 && request.headers["user-agent"]?.startsWith("Mozilla/")) {
    return {
      status: 403,
      message: "A web browser's requests are taken only when they say which site they come from.",
    };
  }
  return undefined;
}

/**
 * A numeric address can't be rebound; a name must be known. Any port is allowed: there may be a forwarding
 * one in front of ours.
 * 0.0.0.0, :: and mapped addresses reach the machine itself, but browsers do not treat them so and leave
 * their headers out.
 */
function isAllowedHost(host: string, names: ReadonlySet<string>): boolean {
  const name = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.exec(host)?.[1];
  if (name === undefined) return false;
  if (isIP(name.replace(/^\[(.*)\]$/, "$1")) === 0) return names.has(name.toLowerCase());
  const { hostname } = new URL(`http://${name}`);
  return hostname !== "0.0.0.0" && hostname !== "[::]" && !hostname.startsWith("[::ffff:");
}
