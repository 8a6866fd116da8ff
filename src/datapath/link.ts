import { closeSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  attributes,
  bpf,
  BPF,
  errnoName,
  KernelError,
  libbpf,
  mustBpf,
  objectInfo,
  openPinned,
  pin,
} from "./libbpf.ts";
import { inNamespace } from "./netns.ts";
import { type ProgramName, PROGRAMS } from "./object.ts";

/**
 * Attaches programs to links. From kernel 6.6 on, a program is attached by a TCX link, which lives as long as
 * its pin
 * `link-<index>-<program>`. Before, it is attached by a clsact filter, which lives as long as the network
 * device; the pin
 * `filter-<index>-<program>` only remembers it. Either way it outlives this process, and a new program
 * replaces the old one in one step, without a packet between them.
 */
export type Links = {
  /** Attaches, or replaces what is attached. */
  readonly attach: (index: number, program: ProgramName) => void;
  readonly detach: (index: number, program: ProgramName) => void;
  /** Gives every attached link the programs of this load. */
  readonly upgrade: () => void;
  /** What is attached now. */
  readonly attached: () => readonly {
    readonly index: number;
    readonly program: ProgramName;
    readonly by: "tcx" | "clsact";
  }[];
};

export type LinkOptions = {
  readonly pins: string;
  /** Path of the network namespace that the links are in. */
  readonly netns: string;
  readonly programs: Readonly<Record<ProgramName, number>>;
  /** `auto`: TCX where the kernel has it. */
  readonly by: "auto" | "tcx" | "clsact";
};

const BPF_TCX_INGRESS = 46;

export function openLinks(options: LinkOptions): Links {
  const { pins, programs } = options;
  let by = options.by;
  const attach = (index: number, program: ProgramName): void => {
    if (by !== "clsact") {
      if (attachTcx(options, index, program, by === "auto")) return;
      by = "clsact";
    }
    attachFilter(options, index, program);
  };
  return {
    attach,
    detach: (index, program) => {
      detachTcx(pinPath(pins, "tcx", index, program));
      const filter = pinPath(pins, "clsact", index, program);
      if (!existsSync(filter)) return;
      inNamespace(options.netns, () => libbpf().hookDestroy(tcHook(index)));
      rmSync(filter, { force: true });
    },
    upgrade: () => {
      for (const { index, program, by: how } of attachedLinks(pins)) {
        const path = pinPath(pins, how, index, program);
        const alive =
          how === "clsact" ? replaceFilter(options, index, program) : updateTcx(path, programs[program]);
        if (!alive) rmSync(path);
      }
    },
    attached: () => attachedLinks(pins),
  };
}

const PIN_PREFIX = { tcx: "link", clsact: "filter" } as const;

function pinPath(pins: string, by: "tcx" | "clsact", index: number, program: ProgramName): string {
  return join(pins, `${PIN_PREFIX[by]}-${index}-${program}`);
}

function attachedLinks(pins: string): { index: number; program: ProgramName; by: "tcx" | "clsact" }[] {
  return readdirSync(pins).flatMap((name) => {
    const [, prefix, index, rest] = /^(link|filter)-(\d+)-(\w+)$/.exec(name) ?? [];
    const program = PROGRAMS.find((p) => p === rest);
    return program
      ? [{ index: Number(index), program, by: prefix === "link" ? ("tcx" as const) : ("clsact" as const) }]
      : [];
  });
}

/** False when the kernel has no TCX and `mayFail`. */
function attachTcx(
  { pins, netns, programs }: LinkOptions,
  index: number,
  program: ProgramName,
  mayFail: boolean,
): boolean {
  const path = pinPath(pins, "tcx", index, program);
  if (existsSync(path)) {
    if (updateTcx(path, programs[program])) return true;
    rmSync(path);
  }
  const attr = attributes([
    [0, 4, programs[program]],
    [4, 4, index],
    [8, 4, BPF_TCX_INGRESS],
  ]);
  const fd = inNamespace(netns, () => bpf(BPF.linkCreate, attr));
  if (fd < 0 && errnoName(fd) === "EINVAL" && mayFail) return false;
  if (fd < 0) throw new KernelError(`attach ${program} to link ${index}`, fd);
  try {
    pin(fd, path);
  } finally {
    closeSync(fd);
  }
  return true;
}

/** Removing the pin would detach, too, but only some packets later, when the kernel gets to it. */
function detachTcx(path: string): void {
  const fd = openPinned(path);
  if (fd === undefined) return;
  try {
    const result = bpf(BPF.linkDetach, attributes([[0, 4, fd]]));
    // ENOLINK: the device is gone, so there is nothing to detach.
    if (result < 0 && errnoName(result) !== "ENOLINK") throw new KernelError(`detach ${path}`, result);
    rmSync(path);
  } finally {
    closeSync(fd);
  }
}

/** Replaces the link's program. False when the link's device is gone. Never pins again: that would detach. */
function updateTcx(path: string, program: number): boolean {
  const fd = openPinned(path);
  if (fd === undefined) return false;
  try {
    const info = objectInfo(fd);
    // struct bpf_link_info: type, id, prog_id, (pad), then the TCX part: ifindex, attach_type.
    if (info.readUInt32LE(16) === 0) return false;
    mustBpf(`replace the program of ${path}`, BPF.linkUpdate, [
      [0, 4, fd],
      [4, 4, program],
    ]);
    return true;
  } finally {
    closeSync(fd);
  }
}

const BPF_TC_INGRESS = 1;
const BPF_TC_F_REPLACE = 1;

/** `struct bpf_tc_hook` of libbpf 1.x. */
function tcHook(index: number): Buffer {
  const hook = Buffer.alloc(24);
  hook.writeBigUInt64LE(24n, 0);
  hook.writeInt32LE(index, 8);
  hook.writeInt32LE(BPF_TC_INGRESS, 12);
  return hook;
}

/** `struct bpf_tc_opts`: handle 1 at priority 1, so that a second call replaces the first. */
function tcOptions(program: number): Buffer {
  const opts = Buffer.alloc(32);
  opts.writeBigUInt64LE(32n, 0);
  opts.writeInt32LE(program, 8);
  opts.writeUInt32LE(BPF_TC_F_REPLACE, 12);
  opts.writeUInt32LE(1, 20);
  opts.writeUInt32LE(1, 24);
  return opts;
}

function attachFilter(options: LinkOptions, index: number, program: ProgramName): void {
  if (!replaceFilter(options, index, program))
    throw new Error(`attach ${program}: there is no link ${index}`);
  const path = pinPath(options.pins, "clsact", index, program);
  rmSync(path, { force: true });
  pin(options.programs[program], path);
}

/** False when the device is gone. */
function replaceFilter({ netns, programs }: LinkOptions, index: number, program: ProgramName): boolean {
  const lib = libbpf();
  const result = inNamespace(netns, () => {
    const created = Number(lib.hookCreate(tcHook(index)));
    if (created < 0 && errnoName(created) !== "EEXIST") return created;
    return Number(lib.tcAttach(tcHook(index), tcOptions(programs[program])));
  });
  if (result < 0 && errnoName(result) !== "ENODEV")
    throw new KernelError(`attach ${program} to link ${index} by clsact`, result);
  return result >= 0;
}
