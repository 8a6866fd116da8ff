/**
 * etcd by the JSON gateway of its v3 API: the few calls that the store, the leadership and a follower need.
 * Source: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
 */

import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";

export type EtcdOptions = {
  /** `http://…` or `https://…`, each a member of one cluster. */
  readonly endpoints: readonly string[];
  /** PEM: who signed the members' certificates, and this client's own. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
  /** How long one member may take before the next one is asked; milliseconds. */
  readonly patience?: number;
};

/** A key with its value, and the cluster's revision at which it was made and last changed. */
export type KeyValue = {
  readonly key: string;
  readonly value: string;
  readonly created: string;
  readonly modified: string;
  /** The lease with which the key goes; absent: none. */
  readonly lease?: string;
};

export type Range = {
  readonly revision: string;
  readonly found: readonly KeyValue[];
  /** Whether there are more than `limit`. */
  readonly more: boolean;
};

/** What must be so for a transaction to happen. A key that is not there was created and modified at "0". */
export type Compare = { readonly key: string } & (
  | { readonly created: string }
  | { readonly modified: string }
);

/** `value` undefined: the key is deleted. `lease`: the key goes when the lease ends. */
export type Put = { readonly key: string; readonly value: string | undefined; readonly lease?: string };

/** What happened to the keys of a watch, in order, up to `revision` of the cluster; whole transactions. */
export type Watched = {
  readonly revision: string;
  /** `value` undefined: the key was deleted. */
  readonly events: readonly WatchedEvent[];
};

/** `now` absent: the key was deleted. */
type WatchedEvent = {
  readonly key: string;
  readonly value: string | undefined;
  readonly now?: KeyValue;
};

export type EtcdErrorKind =
  /** No member answered, or the members have no majority. Whether a transaction happened is unknown. */
  | "unavailable"
  /** A member refused the request, which changed nothing; the message has its reason. */
  | "refused"
  /** The database has reached its quota. */
  | "full"
  /** etcd keeps no history as old as was asked for. */
  | "compacted";

export class EtcdError extends Error {
  readonly kind: EtcdErrorKind;
  constructor(kind: EtcdErrorKind, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = "EtcdError";
    this.kind = kind;
  }
}

/** A member that takes longer may be cut off from the others. */
const PATIENCE_MILLISECONDS = 1_500;
/** What is long takes a busy member longer: ten seconds for 2 MB. */
const MILLISECONDS_PER_CHARACTER = 0.005;
/** gRPC's codes of answers that another member, or the next moment, may give differently. */
const PASSING = new Set([1, 4, 13, 14]);
/** RESOURCE_EXHAUSTED, which etcd uses for a full database and for too many requests at once. */
const EXHAUSTED = 8;

type Members = {
  readonly members?: readonly {
    readonly ID: string;
    readonly peerURLs?: readonly string[];
    readonly clientURLs?: readonly string[];
    readonly isLearner?: boolean;
  }[];
};
type RawKeyValue = {
  readonly key: string;
  readonly value?: string;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly lease?: string;
};
type RawEvent = { readonly type?: "DELETE"; readonly kv: RawKeyValue };
type WatchLine = {
  readonly result?: Header & {
    readonly created?: boolean;
    readonly events?: readonly RawEvent[];
    readonly canceled?: boolean;
    readonly cancel_reason?: string;
    readonly compact_revision?: string;
  };
  readonly error?: { readonly message?: string };
};
type Header = { readonly header: { readonly revision?: string } };

const encoded = (plain: string): string => Buffer.from(plain).toString("base64");
const decoded = (base64: string | undefined): string => Buffer.from(base64 ?? "", "base64").toString();

/** What the region needs of etcd; a model of it can take its place. */
export type Etcd = {
  readonly endpoints: readonly string[];
} & Pick<EtcdClient, "range" | "transact" | "grant" | "keepAlive" | "revoke" | "watch">;

/** A member of the cluster. */
export type EtcdMember = {
  /** A number of 64 bits, in decimal. */
  readonly id: string;
  /** Where other members reach it. */
  readonly peer: string;
  /** Where clients reach it; empty: it has not been started yet. */
  readonly client: string;
  /** It has no vote yet, and answers no client. */
  readonly learner: boolean;
};

export class EtcdClient {
  readonly #options: EtcdOptions;
  readonly #agents = {
    "http:": new HttpAgent({ keepAlive: true }),
    "https:": new HttpsAgent({ keepAlive: true }),
  };
  #endpoints: readonly string[];
  /** The member that answered last. */
  #current = 0;

  constructor(options: EtcdOptions) {
    this.#options = options;
    this.#endpoints = options.endpoints;
  }

  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  /** From now on these are asked; not none. */
  setEndpoints(endpoints: readonly string[]): void {
    const current = this.#endpoints[this.#current] ?? "";
    this.#endpoints = endpoints;
    this.#current = Math.max(0, endpoints.indexOf(current));
  }

  /** The cluster's members as they are now. @throws EtcdError */
  async members(): Promise<readonly EtcdMember[]> {
    // A member tells what it has heard itself; after this it has heard all.
    await this.range({ key: "members" });
    const { members = [] } = (await this.#call("/v3/cluster/member/list", {})) as Members;
    return members.map(memberOf);
  }

  /** Adds a member without a vote, which is to be started now. @throws EtcdError */
  async addLearner(peer: string): Promise<void> {
    await this.#call("/v3/cluster/member/add", { peerURLs: [peer], isLearner: true });
  }

  /** Gives a learner its vote. @throws EtcdError `unavailable` while it has not caught up */
  async promote(id: string): Promise<void> {
    await this.#call("/v3/cluster/member/promote", { ID: id });
  }

  /** @throws EtcdError also when the others would have no majority without it */
  async removeMember(id: string): Promise<void> {
    await this.#call("/v3/cluster/member/remove", { ID: id });
  }

  /**
   * The keys from `key` up to, but without, `end`, or `key` alone. `revision`: as they were then; now if it
   * is absent.
   */
  async range({
    key,
    end,
    limit,
    revision,
  }: {
    readonly key: string;
    readonly end?: string;
    readonly limit?: number;
    readonly revision?: string;
  }): Promise<Range> {
    const answer = (await this.#call("/v3/kv/range", {
      key: encoded(key),
      ...(end === undefined ? {} : { range_end: encoded(end) }),
      ...(limit === undefined ? {} : { limit }),
      ...(revision === undefined ? {} : { revision }),
    })) as Header & { readonly kvs?: readonly RawKeyValue[]; readonly more?: boolean };
    const found = (answer.kvs ?? []).map(keyValue);
    return { revision: answer.header.revision ?? "0", found, more: answer.more ?? false };
  }

  /**
   * Puts and deletes all of `puts`, each key once, if every comparison holds. It may be sent more than once,
   * so a comparison must fail once it has happened.
   * @returns the cluster's revision, or undefined when a comparison failed and nothing was changed
   */
  async transact(compares: readonly Compare[], puts: readonly Put[]): Promise<string | undefined> {
    const answer = (await this.#call("/v3/kv/txn", {
      compare: compares.map(compareBody),
      success: puts.map(putBody),
    })) as Header & { readonly succeeded?: boolean };
    return answer.succeeded ? (answer.header.revision ?? "0") : undefined;
  }

  /** @returns the id of a lease that ends this many seconds after it was last kept alive */
  async grant(seconds: number): Promise<string> {
    const { ID } = (await this.#call("/v3/lease/grant", { TTL: seconds })) as { readonly ID: string };
    return ID;
  }

  /** @returns whether the lease still exists */
  async keepAlive(lease: string): Promise<boolean> {
    const answer = (await this.#call("/v3/lease/keepalive", { ID: lease })) as {
      readonly result?: { readonly TTL?: string };
    };
    return Number(answer.result?.TTL ?? 0) > 0;
  }

  async revoke(lease: string): Promise<void> {
    await this.#call("/v3/lease/revoke", { ID: lease });
  }

  /**
   * What happens to the keys from `key` up to, but without, `end`, from the cluster's revision `from` on:
   * first what happened since, then what happens. It ends by an error, or when `signal` says so.
   * @throws EtcdError `unavailable` when the connection ends, also by a member that is cut off from the
   * others; `compacted`
   */
  async *watch({
    key,
    end,
    from,
    signal,
  }: {
    readonly key: string;
    readonly end: string;
    readonly from: string;
    readonly signal: AbortSignal;
  }): AsyncGenerator<Watched> {
    const create = {
      key: encoded(key),
      range_end: encoded(end),
      start_revision: from,
      progress_notify: true,
    };
    const endpoint = this.#endpoints[this.#current] ?? "";
    try {
      const url = new URL("/v3/watch", endpoint);
      const response = await this.#send(url, JSON.stringify({ create_request: create }), signal);
      if (response.statusCode !== 200) throw refusal(await text(response), `${endpoint} watches nothing`);
      for await (const line of linesOf(response)) {
        const { result, error } = JSON.parse(line) as WatchLine;
        if (!result) throw new EtcdError("unavailable", error?.message ?? "the watch ended");
        if (Number(result.compact_revision ?? 0) > 0)
          throw new EtcdError("compacted", `etcd has no history before ${result.compact_revision}`);
        if (result.canceled) throw new EtcdError("unavailable", result.cancel_reason ?? "the watch ended");
        // The first line only says that the watch has begun.
        if (result.created) continue;
        yield { revision: result.header.revision ?? "0", events: (result.events ?? []).map(event) };
      }
      throw new EtcdError("unavailable", `${endpoint} ended the watch`);
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof EtcdError && cause.kind !== "unavailable") throw cause;
      this.#current = (this.#current + 1) % this.#endpoints.length;
      throw cause instanceof EtcdError ? cause : new EtcdError("unavailable", "the watch ended", { cause });
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /** Asks each member, the one that answered last first, and that one again at last. @throws EtcdError */
  async #call(path: string, body: object): Promise<unknown> {
    const endpoints = this.#endpoints;
    const failures: unknown[] = [];
    for (let tried = 0; tried <= endpoints.length; tried++) {
      const member = this.#current;
      try {
        return await this.#ask(endpoints[member] ?? "", path, body);
      } catch (error) {
        if (error instanceof EtcdError && error.kind !== "unavailable") throw error;
        failures.push(error);
        // Unless another call has moved on already.
        if (this.#current === member) this.#current = (member + 1) % endpoints.length;
      }
    }
    throw new EtcdError("unavailable", "etcd does not answer", {
      cause: failures.length === 1 ? failures[0] : new AggregateError(failures),
    });
  }

  async #ask(endpoint: string, path: string, body: object): Promise<unknown> {
    const { patience: least = PATIENCE_MILLISECONDS } = this.#options;
    const json = JSON.stringify(body);
    const patience = Math.round(least + json.length * MILLISECONDS_PER_CHARACTER);
    const signal = AbortSignal.timeout(patience);
    let response: IncomingMessage;
    let answer: string;
    try {
      response = await this.#send(new URL(path, endpoint), json, signal);
      answer = await text(response);
    } catch (cause) {
      const how = signal.aborted ? `did not answer within ${patience} ms` : "can't be reached";
      throw new EtcdError("unavailable", `${endpoint} ${how}`, { cause });
    }
    if (response.statusCode === 200) return JSON.parse(answer);
    throw refusal(answer, `${endpoint} answered ${response.statusCode}`);
  }

  #send(url: URL, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { tls = {} } = this.#options;
    const secure = url.protocol === "https:";
    const options = {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      signal,
    };
    return new Promise((resolve, reject) => {
      const request = secure
        ? httpsRequest(url, { ...options, ...tls, agent: this.#agents["https:"] }, resolve)
        : httpRequest(url, { ...options, agent: this.#agents["http:"] }, resolve);
      request.on("error", reject);
      request.end(body);
    });
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

function memberOf({
  ID,
  peerURLs,
  clientURLs,
  isLearner,
}: NonNullable<Members["members"]>[number]): EtcdMember {
  return { id: ID, peer: peerURLs?.[0] ?? "", client: clientURLs?.[0] ?? "", learner: isLearner ?? false };
}

function event({ type, kv }: RawEvent): WatchedEvent {
  if (type === "DELETE") return { key: decoded(kv.key), value: undefined };
  const now = keyValue(kv);
  return { key: now.key, value: now.value, now };
}

function keyValue({ key, value, create_revision, mod_revision, lease = "0" }: RawKeyValue): KeyValue {
  return {
    key: decoded(key),
    value: decoded(value),
    created: create_revision,
    modified: mod_revision,
    ...(lease === "0" ? {} : { lease }),
  };
}

function compareBody(compare: Compare): object {
  const key = encoded(compare.key);
  return "created" in compare
    ? { key, target: "CREATE", result: "EQUAL", create_revision: compare.created }
    : { key, target: "MOD", result: "EQUAL", mod_revision: compare.modified };
}

function putBody({ key, value, lease }: Put): object {
  if (value === undefined) return { request_delete_range: { key: encoded(key) } };
  const put = { key: encoded(key), value: encoded(value) };
  return { request_put: lease === undefined ? put : { ...put, lease } };
}

function refusal(answer: string, otherwise: string): EtcdError {
  let said: { readonly code?: number; readonly error?: string } = {};
  try {
    said = JSON.parse(answer) as typeof said;
  } catch {
    // A proxy's page, perhaps.
  }
  const { code, error = otherwise } = said;
  if (code === undefined || PASSING.has(code)) return new EtcdError("unavailable", error);
  if (code === EXHAUSTED)
    return new EtcdError(error.includes("space exceeded") ? "full" : "unavailable", error);
  return new EtcdError("refused", error);
}
