import { once } from "node:events";
import type { Writable } from "node:stream";
import type { FlowLine, FlowMessage } from "../protocol/flows.ts";
import type { Told } from "../protocol/handlers.ts";
import { BadQuestion } from "../protocol/question.ts";
import type { FileLine, FlowLogFiles } from "./flow-log-files.ts";
import { type FlowFilter, flowFilterOf, flowFits } from "./flow-log-filter.ts";
import { wholeNumber } from "./trace-filter.ts";

type Sources = {
  readonly files: FlowLogFiles;
  /** Whether packets move on this machine, so that new records can come. */
  readonly live: boolean;
  /** Writes everything counted until now. */
  readonly refresh: () => Promise<void>;
  readonly log: (message: string, cause: unknown) => void;
};

type Follower = { readonly out: Writable; readonly filter: FlowFilter; left: number };

const HELLO = 10_000;
const MAX_FOLLOWERS = 64;
/** Bytes that a slow reader may leave unread before it is disconnected. */
const MAX_UNREAD = 16 << 20;

/** The clients that read flow logs: those already recorded, or new ones as they are written. */
export class Followers {
  readonly #sources: Sources;
  readonly #all = new Set<Follower>();
  #greeted = 0;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  get count(): number {
    return this.#all.size;
  }

  /**
   * Prepares to read; the function returned writes to a stream. `ids`: those of the instance asked for and of
   * its interfaces.
   * @throws BadQuestion
   */
  join(
    query: Readonly<Record<string, string>>,
    ids: ReadonlySet<string> | undefined,
  ): Told<FlowMessage, Writable> {
    const filter = { ...flowFilterOf(query), ...(ids ? { ids } : {}) };
    const left =
      query["count"] === undefined
        ? Number.POSITIVE_INFINITY
        : wholeNumber("--count", query["count"], 999_999_999);
    if (left === 0) throw new BadQuestion("--count is at least 1.");
    if (query["follow"] === undefined) return (out) => void this.#recorded({ out, filter, left });
    if (!this.#sources.live) throw new BadQuestion("There are no packets here, and so no records to come.");
    if (this.#all.size >= MAX_FOLLOWERS)
      throw new BadQuestion(`At most ${MAX_FOLLOWERS} may follow at a time.`);
    return (out) => void this.#follow({ out, filter, left });
  }

  tell(line: FileLine): void {
    for (const follower of this.#all) this.#pass(follower, lineOf(line));
  }

  /** Sends a heartbeat now and then, so that both ends notice when the other is gone. */
  greet(now: number): void {
    if (now - this.#greeted < HELLO) return;
    this.#greeted = now;
    for (const { out } of this.#all) say(out, { kind: "watching" });
  }

  close(): void {
    for (const follower of this.#all) this.#leave(follower, "stopped");
  }

  /** Followers get only what is counted after they joined. */
  async #follow(follower: Follower): Promise<void> {
    await this.#sources.refresh();
    if (follower.out.destroyed) return;
    this.#all.add(follower);
    follower.out.on("close", () => this.#all.delete(follower));
    say(follower.out, { kind: "watching" });
  }

  async #recorded({ out, filter, left }: Follower): Promise<void> {
    let rest = left;
    try {
      await this.#sources.refresh();
      for await (const found of this.#sources.files.read()) {
        if (rest === 0 || out.destroyed) break;
        const line = lineOf(found);
        if (!flowFits(filter, line)) continue;
        rest -= 1;
        if (!say(out, line)) await Promise.race([once(out, "drain"), once(out, "close")]);
      }
      say(out, { kind: "end", why: "read" });
      out.end();
    } catch (cause) {
      this.#sources.log("flow logs could not be read", cause);
      out.destroy();
    }
  }

  #pass(follower: Follower, line: FlowLine): void {
    if (!flowFits(follower.filter, line)) return;
    if (follower.out.writableLength > MAX_UNREAD) {
      this.#all.delete(follower);
      follower.out.destroy();
      return;
    }
    say(follower.out, line);
    follower.left -= 1;
    if (follower.left === 0) this.#leave(follower, "count");
  }

  #leave(follower: Follower, why: "count" | "stopped"): void {
    this.#all.delete(follower);
    say(follower.out, { kind: "end", why });
    follower.out.end();
  }
}

function lineOf({ log, fields, line }: FileLine): FlowLine {
  const values = line.split(" ");
  return {
    kind: "record",
    log,
    line,
    fields: Object.fromEntries(fields.map((field, index) => [field, values[index] ?? "-"])),
  };
}

function say(out: Writable, message: FlowMessage): boolean {
  return out.write(`${JSON.stringify(message)}\n`);
}
